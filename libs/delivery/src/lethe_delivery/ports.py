"""What delivery needs from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from lethe_delivery.messages import Due, Mail, Outcome, Outgoing, Unreachable


class Mailer(Protocol):
    """A channel. Sends a window of messages at once, and tells of each what came of it; never raises for one of them.

    `prepare` gives the bytes that will be handed over: the same for the same message, whenever it is asked.
    """

    def prepare(self, message: Outgoing) -> bytes:
        """Raises BadMessage."""

    def reference(self, delivery_id: UUID) -> str:
        """By which the other side knows the message: the Message-ID."""

    async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]: ...

    async def close(self) -> None:
        """May be called twice."""


class Composer(Protocol):
    """Redeems recipients and renders their letters, for a batch. No transaction is open."""

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail | Unreachable]:
        """By delivery id; one that is left out goes back into the queue. The same delivery gives the same message."""


class SentLog(Protocol):
    """What the other side has accepted: a relay's journal, a provider's API."""

    async def accepted(self, references: Sequence[str]) -> Mapping[str, str]:
        """Reference → proof, for those that were accepted.

        One that is absent was *not* accepted: if that cannot be said for sure, raise.
        """
