"""The courier: claims letters, has them composed, hands them over window by window, and settles what is in doubt."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lethe_delivery.errors import BadMessage
from lethe_delivery.ledger import UNREPORTED, Attempt, Ledger
from lethe_delivery.membership import Membership
from lethe_delivery.messages import Mail, OnDoubt, Outcome, Outgoing, Unreachable, Verdict
from lethe_delivery.retry import Policy
from lethe_postgres import crashpoint, is_transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from lethe_delivery.messages import Due
    from lethe_delivery.ports import Composer, Mailer, SentLog
    from lethe_postgres import Database

log = logging.getLogger(__name__)

_IDLE = 1.0  # seconds between looks into an empty queue
_AFTER_TROUBLE = 1.0  # seconds
_LATE = Outcome(Verdict.TRANSIENT, "not begun in time after it was written down")


class Courier:
    """Carries the deliveries of one channel. Any number of instances may run; each letter is with one of them."""

    def __init__(
        self,
        database: Database,
        instance: UUID,
        *,
        channel: str,
        mailer: Mailer,
        composer: Composer,
        policy: Policy | None = None,
        sent_log: SentLog | None = None,
    ) -> None:
        self._policy = policy or Policy()
        self._ledger = Ledger(database, channel, instance)
        self._membership = Membership(database, instance)
        self._mailer = mailer
        self._composer = composer
        self._sent_log = sent_log
        self._unsettled: list[Attempt] = []
        self._looked = float("-inf")
        self._untidy = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set: then the window under way is finished and settled. Survives a database that is away."""
        while not stop.is_set():
            try:
                worked = await self.step()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("deliveries wait for the database", extra={"error": type(error).__name__})
                await _pause(stop, _AFTER_TROUBLE)
                continue
            if not worked:
                await _pause(stop, min(_IDLE, max(0.02, await self._ledger.next_due() or _IDLE)))
        await self.close()

    async def step(self) -> bool:
        """One batch. True if there was something to do. After an error it may simply be called again."""
        if await self._membership.ensure():
            self._looked = float("-inf")
        if time.monotonic() - self._looked >= self._policy.look_around.total_seconds():
            await self.look_around()
        if self._untidy:
            await self._settle()
            await self._tidy()
        due = await self._ledger.claim(self._policy.batch, self._policy.per_second)
        if not due:
            return False
        self._untidy = True
        crashpoint("delivery.claimed")
        await self._carry(await self._compose(due))
        await self._tidy()
        return True

    async def _tidy(self) -> None:
        """What was claimed and not sent (no letter was composed, an error came between) goes back, after a pause."""
        await self._ledger.tidy(self._unsettled, pause=_AFTER_TROUBLE)
        self._untidy = False

    async def look_around(self) -> None:
        """Take over what dead instances left, and settle what has been in doubt for long enough."""
        self._looked = time.monotonic()
        rescued = await self._ledger.rescue(self._policy.frozen_after)
        if rescued:
            log.warning("took over deliveries", extra={"letters": {str(k): v for k, v in rescued.items()}})
        doubts = await self._ledger.doubtful(self._policy.settle_after, logged=self._sent_log is not None)
        if not doubts:
            return
        if self._sent_log is None:
            await self._ledger.send_again([doubt for doubt in doubts if doubt.on_doubt is OnDoubt.RESEND])
            return
        try:
            accepted = await self._sent_log.accepted([doubt.reference for doubt in doubts])
        except Exception as error:  # noqa: BLE001 - it is asked again; until then the letters stay in doubt
            log.warning("the log of sent letters could not be read", extra={"error": type(error).__name__})
            return
        await self._ledger.found(doubts, accepted)

    async def close(self) -> None:
        """Write down what is known, give back the rest, close the connections."""
        try:
            await self._settle()
            await self._ledger.tidy(())
        finally:
            await self._membership.leave()
            await self._mailer.close()

    async def _compose(self, due: Sequence[Due]) -> list[tuple[Outgoing, str]]:
        """Messages with the hash of what will be handed over."""
        composed = await self._composer.compose(due)
        ready: list[tuple[Outgoing, str]] = []
        nowhere: dict[UUID, str] = {}
        for one in due:
            mail = composed.get(one.id)
            if isinstance(mail, Unreachable):
                nowhere[one.id] = mail.reason
            elif isinstance(mail, Mail):
                outgoing = Outgoing(id=one.id, queued_at=one.queued_at, mail=mail)
                try:
                    content = self._mailer.prepare(outgoing)
                except BadMessage as error:
                    nowhere[one.id] = str(error)
                else:
                    ready.append((replace(outgoing, content=content), hashlib.sha256(content).hexdigest()))
        if nowhere:
            await self._ledger.unreachable(nowhere)
        crashpoint("delivery.composed")
        return ready

    async def _carry(self, ready: Sequence[tuple[Outgoing, str]]) -> None:
        size = self._policy.window
        for start in range(0, len(ready), size):
            await self._window(ready[start : start + size])
        await self._settle()

    async def _window(self, window: Sequence[tuple[Outgoing, str]]) -> None:
        began = time.monotonic()
        rows = [(outgoing.id, sha256, self._mailer.reference(outgoing.id)) for outgoing, sha256 in window]
        numbers = await self._ledger.hand_over(self._unsettled, rows, self._policy)
        self._unsettled = []
        crashpoint("delivery.handed_over")
        sending = [outgoing for outgoing, _ in window if outgoing.id in numbers]
        if time.monotonic() - began > self._policy.hand_over_within.total_seconds():
            outcomes: Mapping[UUID, Outcome] = {outgoing.id: _LATE for outgoing in sending}
        else:
            outcomes = await self._send(sending, numbers)
        crashpoint("delivery.replied")
        self._unsettled = [Attempt(o.id, numbers[o.id], outcomes.get(o.id, UNREPORTED)) for o in sending]

    async def _send(self, sending: Sequence[Outgoing], numbers: Mapping[UUID, int]) -> Mapping[UUID, Outcome]:
        if not sending:
            return {}
        try:
            return await self._mailer.send(sending)
        except BaseException:
            # whatever happened, bytes may have left: none of it may be taken for not sent
            self._unsettled = [Attempt(o.id, numbers[o.id], UNREPORTED) for o in sending]
            raise

    async def _settle(self) -> None:
        if not self._unsettled:
            return
        await self._ledger.hand_over(self._unsettled, (), self._policy)
        self._unsettled = []
        crashpoint("delivery.settled")


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
