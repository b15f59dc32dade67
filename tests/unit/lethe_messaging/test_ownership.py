"""What an instance does with lease rows that do not fit what it holds."""

from __future__ import annotations

from uuid import UUID

from lethe_messaging.fairness import Lease, Member
from lethe_messaging.identity import Identities
from lethe_messaging.membership import Beat
from lethe_messaging.outbox import sql
from lethe_messaging.ownership import Ownership
from lethe_messaging.settings import Tuning
from lethe_messaging.slot import Slot

ME, PEER = UUID(int=1), UUID(int=2)


class Recorder:
    """A database that writes down what it is asked to execute."""

    def __init__(self) -> None:
        self.executed: list[tuple[object, ...]] = []

    async def execute(self, statement: str, *args: object) -> str:
        self.executed.append((statement, *args))
        return "UPDATE 1"


class Me:
    instance_id = ME
    failed_at = float("-inf")
    told = 0

    async def tell_peers(self) -> None:
        self.told += 1


def beat(renewed: dict[int, int]) -> Beat:
    leases = [Lease(0, ME, 1, running=True), Lease(1, ME, 2, running=True)]
    return Beat(10.0, renewed, leases, [Member(PEER, alive=True, sharing=True)])


async def test_a_claim_that_was_stored_while_its_answer_was_lost_is_given_up() -> None:
    """With its fair share in hand this instance would renew the row for ever, and nobody would work the slot."""
    database, me = Recorder(), Me()
    ownership = Ownership(database, me, ["t"], Tuning(), Identities(database))
    ownership.slots[0] = Slot(0, 1, (), claimed_at=0.0)
    assert await ownership.follow(beat({0: 1, 1: 2}), leaving=False) == []
    assert database.executed == [(sql()["release_slot"], 1, ME, 2)]
    assert me.told == 1
    assert ownership.slots[0].ending is None


async def test_what_is_held_is_not_given_up() -> None:
    database, me = Recorder(), Me()
    ownership = Ownership(database, me, ["t"], Tuning(), Identities(database))
    ownership.slots = {0: Slot(0, 1, (), claimed_at=0.0)}
    await ownership.follow(beat({0: 1}), leaving=False)
    assert database.executed == []
    assert me.told == 0
