"""Finding out that the person who asks is who they say: by a code, or by a person who looked.

About a code there are only two answers, whatever is or is not behind an id, and every call does the same reads and
writes: who calls cannot find out whose requests there are, nor what they are reached by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from intake.application.packages import NoSuchDsr
from intake.application.telling import told_once
from intake.domain.identity import REACHED_BY, CodePolicy, Codes, may_be_asked
from lethe_delivery import OnDoubt, Order, enqueue
from lethe_events import DsrIdentityVerified
from lethe_events.ids import uuid7
from lethe_events.topics import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from intake.application.ports import Desk, Work
    from intake.domain.identity import Manner
    from lethe_postgres import Tx

LETTER = "identity_check"
_NOBODY = UUID(int=0)


class NothingInDoubt(Exception):
    """Nothing may be asked of the person, and there is nothing to verify."""


class Over(Exception):
    """Closed or taken back."""


class TooMuchAsked(Exception):
    """Something milder removes the doubt as well."""


@dataclass(frozen=True, slots=True)
class Held:
    """The valid code of a DSR, an attempt at which has been counted."""

    controller_id: str
    code_id: UUID
    code_hash: bytes
    channel: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about who asks. `over`: closed or taken back."""

    controller_id: str
    right: str
    kinds: Sequence[str]
    over: bool
    doubt: str | None
    verified_at: datetime | None
    method: str | None


@dataclass(frozen=True, slots=True)
class NewCode:
    code_id: UUID
    code_hash: bytes
    channel: str
    kind: str
    language: str
    at: datetime
    expires_at: datetime


class Register(Protocol):
    """Each is one statement in the caller's transaction."""

    async def ask(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], new: NewCode, policy: CodePolicy
    ) -> str | None:
        """Make the code the valid one; gives the controller, None if there is to be none now."""
        ...

    async def attempt(
        self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str], *, at: datetime, limit: int
    ) -> Held | None:
        """Count an attempt; None if nothing can be attempted."""
        ...

    async def verified(
        self, tx: Tx, controller_id: str, dsr_id: UUID, *, at: datetime, method: str, by: str, mandate: str | None
    ) -> bool:
        """Keep it; False if it is verified already."""
        ...

    async def known(self, tx: Tx, dsr_id: UUID, controller_ids: Iterable[str]) -> Known | None: ...


class IdentityChecks:
    def __init__(
        self,
        desk: Desk,
        register: Register,
        codes: Codes,
        policy: CodePolicy,
        *,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        topic: str = REQUESTS.name,
    ) -> None:
        self._desk = desk
        self._register = register
        self._codes = codes
        self.policy = policy
        self._now = now
        self._entropy = entropy
        self._topic = topic

    async def send_code(self, dsr_id: UUID, controller_ids: Iterable[str], channel: str, language: str) -> None:
        """Order a letter with a new code, if there is somebody in doubt to send it to and it is time for one.

        Whether it was ordered is not told.
        """
        now = self._now()
        code_id = uuid7(now, self._entropy(10))
        new = NewCode(
            code_id=code_id,
            code_hash=self._codes.hash(code_id, self._codes.code(code_id)),
            channel=channel,
            kind=REACHED_BY[channel],
            language=language,
            at=now,
            expires_at=now + self.policy.lifetime,
        )
        order = Order(
            channel=channel,
            purpose=f"dsr/{dsr_id}/identity",
            recipient_ref=code_id,
            matter=dsr_id,
            letter=LETTER,
            on_doubt=OnDoubt.RESEND,
        )
        async with self._desk.work() as work:
            found = await self._register.ask(work.tx, dsr_id, controller_ids, new, self.policy)
            await enqueue(work.tx, [] if found is None else [order])

    async def verify(
        self, dsr_id: UUID, controller_ids: Iterable[str], code: str, principal: str, traceparent: str | None
    ) -> bool:
        """Whether it is the valid code. The attempt is counted before it is compared, and told once if it is right."""
        async with self._desk.work() as work:
            now = self._now()
            held = await self._register.attempt(work.tx, dsr_id, controller_ids, at=now, limit=self.policy.attempts)
            compared = held or Held("", _NOBODY, bytes(32), "")
            right = self._codes.matches(compared.code_id, code, compared.code_hash)
            if held is None or not right:
                return False
            await self._verified(
                work, held.controller_id, dsr_id, f"code_{held.channel}", now, principal, None, traceparent
            )
        return True

    async def by_hand(
        self,
        dsr_id: UUID,
        controller_ids: Iterable[str],
        manner: Manner,
        *,
        mandate: str | None,
        sensitive: bool,
        principal: str,
        traceparent: str | None,
    ) -> tuple[str, datetime]:
        """Record that a person made sure; gives method and time, the first one if it was verified before.

        Raises NoSuchDsr, NothingInDoubt, Over or TooMuchAsked.
        """
        async with self._desk.work() as work:
            now = self._now()
            known = await self._register.known(work.tx, dsr_id, controller_ids)
            if known is None:
                raise NoSuchDsr
            if known.verified_at is not None and known.method is not None:
                return known.method, known.verified_at
            if known.over:
                raise Over
            if known.doubt is None:
                raise NothingInDoubt
            if not may_be_asked(manner, doubt=known.doubt, right=known.right, kinds=known.kinds, sensitive=sensitive):
                raise TooMuchAsked
            await self._verified(work, known.controller_id, dsr_id, manner.value, now, principal, mandate, traceparent)
        return manner.value, now

    async def _verified(  # noqa: PLR0917 - one call for both ways
        self,
        work: Work,
        controller_id: str,
        dsr_id: UUID,
        method: str,
        at: datetime,
        by: str,
        mandate: str | None,
        traceparent: str | None,
    ) -> None:
        if await self._register.verified(work.tx, controller_id, dsr_id, at=at, method=method, by=by, mandate=mandate):
            body = DsrIdentityVerified(dsr_id=dsr_id, controller_id=controller_id, method=method, at=at)
            work.send([told_once(self._topic, body, "identity-verified", traceparent)])
