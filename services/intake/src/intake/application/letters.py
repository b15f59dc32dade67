"""Letters that sagas ask for: taken in once, sent by the couriers, and what became of them told to the saga.

A letter's id is the saga's; asked again, from any offset of the topic, it is neither kept nor sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from lethe_delivery import State
from lethe_events import Envelope, LetterReported, LetterState, encode
from lethe_events.ids import message_id
from lethe_events.models import to_python

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from intake.application.ports import Desk, Work
    from intake.domain.letter_policy import LetterPolicy
    from intake.domain.model import Candidate
    from lethe_events import LetterRequested, Record
    from lethe_postgres import Tx

CHANNEL: Final = "letter"
ACKNOWLEDGEMENT: Final = "acknowledgement"
SOURCE = "/lethe/intake"
NO_SETTINGS = "no_settings"
_LIMIT = 200
_BUSY_S, _IDLE_S = 0.2, 1.0
_CODE = re.compile(r"[a-z][a-z_]{0,63}")
_STATES = {State.SENT: LetterState.SENT, State.FAILED: LetterState.FAILED, State.BOUNCED: LetterState.BOUNCED}


@dataclass(frozen=True, slots=True)
class Asked:
    """A letter to be written. `facts`: what it tells; `refused`: why it cannot be sent at all, a code."""

    letter_id: UUID
    controller_id: str
    dsr_id: UUID
    kind: str
    language: str
    facts: Mapping[str, Any]
    refused: str | None = None


class Settled(NamedTuple):
    """A letter of which something became; `state`, `reply` as the ledger has them."""

    letter_id: UUID
    controller_id: str
    dsr_id: UUID
    kind: str
    language: str
    state: str
    at: datetime
    reply: str | None
    sha256: str | None


class LetterShelf(Protocol):
    async def keep(self, tx: Tx, asked: Sequence[Asked]) -> set[UUID]:
        """Keep letters and put them into the ledger; gives those that are new."""
        ...

    async def is_settled(self) -> bool:
        """Whether `settled` would find something: asked all the time, so without a transaction."""
        ...

    async def settled(self, tx: Tx, limit: int) -> list[Settled]:
        """Letters of which something became that was not told; they count as told from now on."""
        ...


class Acknowledging(Protocol):
    async def accepted(self, tx: Tx, candidates: Sequence[Candidate]) -> None:
        """In the transaction that accepts requests, for all of them at once."""
        ...


class Register(Protocol):
    async def of(self, controller_id: str, version: str | None, named: Collection[str] | None) -> Mapping[str, Any]: ...


class LetterDesk:
    """`register`: None where nobody is written to."""

    def __init__(
        self, shelf: LetterShelf, policies: Mapping[str, LetterPolicy], register: Register | None, topic: str
    ) -> None:
        self._shelf = shelf
        self._policies = policies
        self._register = register
        self._topic = topic

    async def take(self, work: Work, bodies: Sequence[LetterRequested]) -> None:
        """In the transaction that moves the offset. One whose controller has no letters is told to have failed."""
        asked = {body.letter_id: (body, await self._asked(body)) for body in bodies}
        if not asked:
            return
        new = await self._shelf.keep(work.tx, [one for _, one in asked.values()])
        refused = [(b, one) for b, one in asked.values() if one.refused is not None and one.letter_id in new]
        work.send(
            _report(
                self._topic,
                Settled(
                    b.letter_id, b.controller_id, b.dsr_id, b.kind, one.language, "failed", b.at, one.refused, None
                ),
            )
            for b, one in refused
        )

    async def _asked(self, body: LetterRequested) -> Asked:
        policy = self._policies.get(body.controller_id)
        facts = to_python(body)
        head = (body.letter_id, body.controller_id, body.dsr_id, body.kind)
        if policy is None or self._register is None:
            return Asked(*head, "en", facts, NO_SETTINGS)
        named = None if body.kind == "access_answer" else _named(body)
        register = await self._register.of(body.controller_id, body.register_version, named)
        return Asked(*head, policy.language, facts | {"register": dict(register)})


def _named(body: LetterRequested) -> set[str]:
    reasons = {reason.processor_id for reason in body.reasons if reason.processor_id is not None}
    return {*body.processors, *body.pending, *body.told, *reasons}


class LetterTelling:
    """Tells sagas what became of their letters. Any number of instances may run."""

    def __init__(self, shelf: LetterShelf, desk: Desk, topic: str) -> None:
        self._shelf = shelf
        self._desk = desk
        self._topic = topic

    async def step(self) -> float:
        """Gives the seconds until the next look."""
        if not await self._shelf.is_settled():
            return _IDLE_S
        async with self._desk.work() as work:
            found = await self._shelf.settled(work.tx, _LIMIT)
            work.send(_report(self._topic, one) for one in found)
        return _BUSY_S if found else _IDLE_S


def _report(topic: str, one: Settled) -> Record:
    """Its id follows from letter and state: never change it, it is what a repeat is known by."""
    state = _STATES[State(one.state)]
    body = LetterReported(
        letter_id=one.letter_id,
        dsr_id=one.dsr_id,
        controller_id=one.controller_id,
        kind=one.kind,
        state=state,
        at=one.at,
        language=one.language,
        sha256=one.sha256 if state is LetterState.SENT else None,
        reason=None if state is LetterState.SENT else _reason(one.reply),
    )
    envelope = Envelope(
        id=message_id(one.letter_id, 1, list(LetterState).index(state)),
        source=SOURCE,
        time=one.at,
        correlation_id=one.dsr_id,
        causation_id=one.letter_id,
    )
    return encode(topic, str(one.dsr_id), body, envelope)


def _reason(reply: str | None) -> str:
    """Codes of our own stay; what a server said is in the ledger, and not on the bus."""
    return reply if reply is not None and _CODE.fullmatch(reply) else "refused_by_server"
