"""Owning slots: renewing, claiming and releasing lease rows."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_messaging.cursor import Cursor
from lethe_messaging.fairness import plan
from lethe_messaging.outbox import sql
from lethe_messaging.slot import Slot
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lethe_messaging.identity import Identities
    from lethe_messaging.membership import Beat, Membership
    from lethe_messaging.settings import Tuning
    from lethe_postgres import Database

log = logging.getLogger(__name__)


class Ownership:
    """The slots of this instance, kept in step with the lease table at every beat."""

    def __init__(
        self,
        database: Database,
        membership: Membership,
        topics: Sequence[str],
        tuning: Tuning,
        identities: Identities,
    ) -> None:
        self.slots: dict[int, Slot] = {}
        self.version = 0
        """Grows whenever `slots` changes."""
        self.topics = tuple(topics)
        self._database = database
        self._membership = membership
        self._tuning = tuning
        self._identities = identities

    async def follow(self, beat: Beat, *, leaving: bool) -> list[Slot]:
        """Give up what has ended, come to the fair share; returns the slots newly claimed.

        Raises only what is not transient: the next beat tries again.
        """
        for slot in self.slots.values():
            if slot.claimed_at < beat.at and beat.renewed.get(slot.number) != slot.epoch:
                slot.end("lease lost")
            elif leaving:
                slot.end("leaving")
        try:
            await self._release_ended()
            await self._release_orphaned(beat)
            return [] if leaving else await self._come_to_share(beat)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("leases could not be changed", extra={"error": type(error).__name__})
            return []

    def cursors(self) -> Iterator[tuple[Slot, Cursor]]:
        """All partitions owned, with their slots."""
        for slot in list(self.slots.values()):
            for cursor in slot.cursors:
                yield slot, cursor

    async def release_all(self) -> None:
        """Give up every lease row that names this instance, and tell the peers. No batch may be under way."""
        self.slots.clear()
        await self._database.execute(sql()["release_all"], self._membership.instance_id)
        await self._membership.tell_peers()

    async def _release_ended(self) -> None:
        ended = [slot for slot in self.slots.values() if slot.done]
        for slot in ended:
            await self._database.execute(sql()["release_slot"], slot.number, self._membership.instance_id, slot.epoch)
            del self.slots[slot.number]
            self.version += 1
        if ended:
            await self._membership.tell_peers()

    async def _release_orphaned(self, beat: Beat) -> None:
        """Leases that name us without our working them: a claim was stored whose answer was lost.

        Every beat renews them, so nobody else could ever take them.
        """
        orphaned = [(number, epoch) for number, epoch in beat.renewed.items() if number not in self.slots]
        for number, epoch in orphaned:
            await self._database.execute(sql()["release_slot"], number, self._membership.instance_id, epoch)
        if orphaned:
            await self._membership.tell_peers()

    async def _come_to_share(self, beat: Beat) -> list[Slot]:
        wanted = plan(self._membership.instance_id, self.slots.keys(), beat.leases, beat.members)
        for number in wanted.release:
            self.slots[number].end("fair share")
        # whoever lost touch with the database may have been declared dead: it waits until leases are true again
        if time.monotonic() < self._membership.failed_at + self._tuning.lease:
            return []
        claimed: list[Slot] = []
        for number in wanted.claim:
            slot = await self._claim(number)
            if slot is not None:
                self.slots[number] = slot
                self.version += 1
                claimed.append(slot)
        return claimed

    async def _claim(self, number: int) -> Slot | None:
        """One slot in one transaction: lease, epoch, and the epoch copied to the offsets. None if it is not to be had.

        A frozen owner may hold an offset row for some seconds more; it must not hold up the other slots.
        """
        try:
            async with self._database.transaction() as tx:
                await tx.execute("SET LOCAL lock_timeout = '500ms'")
                lease = timedelta(seconds=self._tuning.lease)
                epoch = await tx.fetchval(sql()["claim_slot"], number, self._membership.instance_id, lease)
                if epoch is None:
                    return None
                rows = await tx.fetch(sql()["claim_offsets"], epoch, number, list(self.topics))
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("a slot could not be claimed", extra={"slot": number, "error": type(error).__name__})
            return None
        cursors = [Cursor(row["topic"], number, row["next_offset"], self._tuning) for row in rows]
        for cursor in cursors:
            self._identities.judge(cursor)
        return Slot(number, epoch, cursors, time.monotonic())
