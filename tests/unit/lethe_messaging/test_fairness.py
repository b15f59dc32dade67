from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from lethe_messaging.fairness import Lease, Member, Plan, plan

ME = UUID(int=1)
OTHER = UUID(int=2)
THIRD = UUID(int=3)


def lease(slot: int, owner: UUID | None = None, *, running: bool = True) -> Lease:
    return Lease(slot, owner, 1, running)


def member(instance_id: UUID, *, alive: bool = True, sharing: bool = True) -> Member:
    return Member(instance_id, alive, sharing)


def test_an_instance_alone_claims_every_free_slot() -> None:
    assert set(plan(ME, [], [lease(n) for n in range(8)], []).claim) == set(range(8))


def test_an_instance_with_more_than_its_share_releases_the_surplus() -> None:
    rows = [lease(n, ME) for n in range(8)]
    assert plan(ME, range(8), rows, [member(OTHER)]) == Plan((), (7, 6, 5, 4))


def test_a_share_is_rounded_up() -> None:
    rows = [lease(n, ME if n < 4 else OTHER) for n in range(8)]
    assert plan(ME, range(4), rows, [member(OTHER), member(THIRD)]) == Plan((), (3,))


def test_the_slots_of_an_instance_whose_session_is_gone_are_free_before_their_lease_ends() -> None:
    rows = [lease(n, ME if n < 4 else OTHER) for n in range(8)]
    assert set(plan(ME, range(4), rows, [member(OTHER, alive=False)]).claim) == {4, 5, 6, 7}


def test_a_frozen_instance_keeps_its_slots_until_their_lease_ends() -> None:
    frozen = [member(OTHER, sharing=False)]
    running = [lease(n, ME if n < 4 else OTHER) for n in range(8)]
    assert plan(ME, range(4), running, frozen).claim == ()
    over = [lease(n, ME if n < 4 else OTHER, running=n < 4) for n in range(8)]
    assert set(plan(ME, range(4), over, frozen).claim) == {4, 5, 6, 7}


def test_a_slot_that_the_table_gives_us_but_we_do_not_hold_is_claimed_again() -> None:
    assert plan(ME, [0], [lease(0, ME), lease(1, ME)], []).claim == (1,)


@given(
    slots=st.integers(min_value=1, max_value=24),
    instances=st.integers(min_value=1, max_value=9),
    start=st.data(),
)
def test_from_any_distribution_all_slots_find_an_owner_and_nobody_has_more_than_a_fair_share(
    slots: int, instances: int, start: st.DataObject
) -> None:
    ids = [UUID(int=n + 1) for n in range(instances)]
    owners: list[UUID | None] = [start.draw(st.sampled_from([None, *ids])) for _ in range(slots)]
    for _ in range(3):
        for me in ids:
            held = [n for n, owner in enumerate(owners) if owner == me]
            found = plan(me, held, [lease(n, o) for n, o in enumerate(owners)], [member(i) for i in ids if i != me])
            for n in found.release:
                owners[n] = None
            for n in found.claim:
                assert owners[n] is None
                owners[n] = me
    assert None not in owners
    assert max(owners.count(i) for i in ids) <= -(-slots // instances)
