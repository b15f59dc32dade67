"""The ledger: which letter went to whom, how often it was tried, and what the other side said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from lethe_delivery.messages import Due, OnDoubt, Order, Outcome, State, Verdict
from lethe_delivery.retry import Policy
from lethe_postgres import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from lethe_delivery.bounces import Bounce
    from lethe_postgres import Database, Queries, Tx


@cache
def sql() -> Queries:
    return load_queries("lethe_delivery")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt whose outcome is not settled yet. `number` is the delivery's count of attempts."""

    id: UUID
    number: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the letters of a matter are. `repeats`: sent again although they may have been accepted."""

    letters: Mapping[State, int]
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is known of one delivery; without the address."""

    id: UUID
    channel: str
    purpose: str
    recipient_ref: UUID
    matter: UUID
    letter: str
    state: State
    attempts: int
    repeats: int
    queued_at: datetime
    changed_at: datetime
    content_sha256: str | None
    message_id: str | None
    reply: str | None


@dataclass(frozen=True, slots=True)
class Doubt:
    id: UUID
    number: int
    reference: str
    on_doubt: OnDoubt


async def enqueue(tx: Tx, orders: Sequence[Order]) -> int:
    """Put letters into the ledger, in the caller's transaction. Returns how many are new.

    One that has been ordered before, for the same purpose and recipient, is not written a second time, whatever has
    become of it.
    """
    rows = await tx.fetch(
        sql()["enqueue"],
        [order.id for order in orders],
        [order.channel for order in orders],
        [order.purpose for order in orders],
        [order.recipient_ref for order in orders],
        [order.matter for order in orders],
        [order.letter for order in orders],
        [order.on_doubt.value for order in orders],
    )
    return len(rows)


@dataclass(frozen=True, slots=True)
class Bounced:
    """What reports came to. `known`: those that are dealt with; a letter that is still being sent is not among them."""

    failed: tuple[UUID, ...]
    again: tuple[UUID, ...]
    known: frozenset[UUID]


async def take_bounces(tx: Tx, bounces: Sequence[Bounce], policy: Policy | None = None) -> Bounced:
    """Sent → bounced, or back into the queue after a pause where the other side gave up only for now.

    The same report again changes nothing, however often; so do reports about letters that are none of this ledger.
    """
    said = policy or Policy()
    rows = await tx.fetch(
        sql()["take_bounces"],
        [bounce.delivery_id for bounce in bounces],
        [bounce.report for bounce in bounces],
        [bounce.permanent for bounce in bounces],
        [bounce.status for bounce in bounces],
        said.soft_bounces,
        said.after_bounce.total_seconds(),
    )
    return Bounced(
        failed=tuple(row["id"] for row in rows if row["became"] == State.BOUNCED),
        again=tuple(row["id"] for row in rows if row["became"] == State.QUEUED),
        known=frozenset(row["id"] for row in rows),
    )


async def decide(tx: Tx, ids: Sequence[UUID], *, send_again: bool, reason: str) -> list[UUID]:
    """A person's decision on letters in doubt. Returns those that were still in doubt. `reason`: no personal data."""
    if send_again:
        rows = await tx.fetch(sql()["send_again"], list(ids))
    else:
        rows = await tx.fetch(sql()["give_up"], list(ids), f"given up: {reason}")
    return [row["id"] for row in rows]


async def progress(database: Database, matter: UUID) -> Progress:
    rows = await database.fetch(sql()["counts"], matter)
    return Progress({State(row["state"]): row["letters"] for row in rows}, sum(row["repeats"] for row in rows))


async def proofs(database: Database, ids: Sequence[UUID]) -> dict[UUID, Proof]:
    """By delivery id; one that was never ordered is absent."""
    rows = await database.fetch(sql()["proofs"], list(ids))
    return {row["id"]: Proof(**{**row, "state": State(row["state"])}) for row in rows}


class Ledger:
    """The rows of one channel, as one instance works on them. Each call is one transaction."""

    def __init__(self, database: Database, channel: str, instance: UUID) -> None:
        self._database = database
        self._channel = channel
        self._instance = instance

    async def claim(self, limit: int, per_second: float | None) -> list[Due]:
        """Queued → claimed, no more than the rate of the channel allows."""
        async with self._database.transaction() as tx:
            if per_second is not None:
                tokens = await tx.fetchval(sql()["refill"], self._channel, per_second, max(per_second, 1.0))
                limit = min(limit, int(tokens))
            rows = await tx.fetch(sql()["claim"], self._channel, self._instance, limit) if limit else []
            if per_second is not None and rows:
                await tx.execute(sql()["spend"], self._channel, float(len(rows)))
        return [Due(**row) for row in rows]

    async def next_due(self) -> float | None:
        """Seconds until something is due (may be negative); None if nothing waits."""
        seconds: float | None = await self._database.fetchval(sql()["next_due"], self._channel)
        return seconds

    async def hand_over(
        self, settled: Sequence[Attempt], starting: Sequence[tuple[UUID, str, str]], policy: Policy
    ) -> dict[UUID, int]:
        """Write down what came of the last window and that the next one (id, hash, reference) is being sent.

        Returns those that may be sent now, with the number of the attempt. One transaction for both: it is the only
        commit between two windows.
        """
        async with self._database.transaction() as tx:
            await self._settle(tx, settled, policy)
            ids, hashes, references = zip(*starting, strict=True) if starting else ((), (), ())
            rows = await tx.fetch(sql()["hand_over"], self._instance, ids, hashes, references) if starting else []
        return {row["id"]: row["attempts"] for row in rows}

    async def _settle(self, tx: Tx, attempts: Sequence[Attempt], policy: Policy) -> None:
        if not attempts:
            return
        states = [policy.after(a.outcome.verdict, a.number) for a in attempts]
        waits = [policy.pause(a.id, a.number) if a.outcome.verdict is Verdict.TRANSIENT else None for a in attempts]
        await tx.execute(
            sql()["settle"],
            [a.id for a in attempts],
            [a.number for a in attempts],
            [state.value for state in states],
            [a.outcome.verdict.value for a in attempts],
            [a.outcome.reply for a in attempts],
            [wait.total_seconds() if wait else 0.0 for wait in waits],
        )

    async def unreachable(self, reasons: Mapping[UUID, str]) -> None:
        """Claimed → failed."""
        await self._database.execute(sql()["unreachable"], self._instance, list(reasons), list(reasons.values()))

    async def tidy(self, unsettled: Sequence[Attempt], *, pause: float = 0.0) -> None:
        """Give back what this instance owns, except attempts whose outcome is still to be written down.

        `pause`: seconds for which it is left alone.
        """
        await self._database.execute(sql()["tidy"], self._instance, [attempt.id for attempt in unsettled], pause)

    async def rescue(self, frozen_after: timedelta) -> Mapping[State, int]:
        """Take what instances left that are gone; how many went to which state."""
        await self._database.execute(sql()["beat"], self._instance)
        rows = await self._database.fetch(sql()["rescue"], self._instance, frozen_after)
        await self._database.execute(sql()["forget_instances"], self._instance)
        states = [State(row["state"]) for row in rows]
        return {state: states.count(state) for state in set(states)}

    async def doubtful(self, settle_after: timedelta, *, logged: bool) -> list[Doubt]:
        rows = await self._database.fetch(sql()["doubtful"], self._channel, settle_after, logged)
        return [Doubt(r["id"], r["attempts"], r["message_id"] or "", OnDoubt(r["on_doubt"])) for r in rows]

    async def found(self, doubts: Sequence[Doubt], accepted: Mapping[str, str]) -> None:
        """Uncertain → sent, or back into the queue, as a log of the other side says."""
        await self._database.execute(
            sql()["found"],
            [doubt.id for doubt in doubts],
            [doubt.number for doubt in doubts],
            [doubt.reference in accepted for doubt in doubts],
            [accepted.get(doubt.reference, "not in the log of the other side") for doubt in doubts],
        )

    async def send_again(self, doubts: Sequence[Doubt]) -> None:
        await self._database.fetch(sql()["send_again"], [doubt.id for doubt in doubts])


UNREPORTED = Outcome(Verdict.UNCERTAIN, "the channel did not report on it")
