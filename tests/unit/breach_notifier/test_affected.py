"""Who is concerned: exact sets, honest bounds, and a million people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breach_notifier.domain.affected import Affected, Erased, Held, Scope, affected, delta
from breach_notifier.domain.errors import ImpossibleScope

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def day(n):
    return T0 + timedelta(days=n)


SHOP = Scope(day(10), day(20), {"shop": frozenset()}, {"shop": T0})


def one(row, *erasures, scope=SHOP):
    return affected([row], erasures, scope)


@pytest.mark.parametrize(
    ("since", "until", "concerned"),
    [
        (day(0), None, True),
        (day(20), None, True),  # came on the last instant
        (day(21), None, False),
        (day(0), day(10), True),  # gone on the first instant
        (day(0), day(9), False),
        (day(12), day(13), True),
    ],
)
def test_data_held_at_any_instant_of_the_window_counts(since, until, concerned):
    assert (one(Held("p", "shop", "user.contact", since, until)).lower == 1) is concerned


def test_other_processors_and_categories_do_not_count():
    scope = Scope(day(10), day(20), {"shop": frozenset({"user.contact"})}, {"shop": T0})
    assert one(Held("p", "crm", "user.contact", T0), scope=scope).lower == 0
    assert one(Held("p", "shop", "user.health", T0), scope=scope).lower == 0
    assert one(Held("p", "shop", "user.contact", T0), scope=scope).lower == 1


def test_who_was_verifiably_erased_before_is_not_concerned_unless_the_data_came_back():
    row = Held("p", "shop", "user.contact", day(1))
    assert one(row, Erased("p", "shop", day(5))).lower == 0
    assert one(row, Erased("p", "shop", day(5)), Erased("p", "shop", day(4))).lower == 0
    assert one(row, Erased("p", "shop", day(10))).lower == 1  # verified inside the window: was there before
    assert one(row, Erased("p", "crm", day(5))).lower == 1
    assert one(row, Erased("q", "shop", day(5))).lower == 1
    assert one(row._replace(since=day(6)), Erased("p", "shop", day(5))).lower == 1
    assert one(row._replace(since=day(5)), Erased("p", "shop", day(5))).lower == 0  # was there, then was not
    assert one(row._replace(since=day(4)), Erased("p", "shop", day(5)), Erased("p", "shop", day(3))).lower == 0
    assert one(row._replace(since=day(4)), Erased("p", "shop", day(3)), Erased("p", "shop", day(5))).lower == 0


def test_a_row_without_a_beginning_is_possible_and_not_certain():
    found = one(Held("p", "shop", "user.contact", None))
    assert (found.lower, found.upper) == (0, 1)
    both = affected([Held("p", "shop", "a", None), Held("p", "shop", "b", T0)], [], SHOP)
    assert (both.lower, both.upper) == (1, 1)
    assert one(Held("p", "shop", "a", None), Erased("p", "shop", day(5))).upper == 0


def test_an_index_that_does_not_cover_the_window_widens_the_upper_bound_or_leaves_it_open():
    row = Held("p", "shop", "user.contact", T0)
    late = Scope(day(10), day(20), {"shop": frozenset()}, {"shop": day(15)})
    assert late.incomplete == ("shop",)
    assert one(row, scope=late).upper is None
    bounded = Scope(day(10), day(20), {"shop": frozenset(), "crm": frozenset()}, {}, {"shop": 10, "crm": 3})
    assert (one(row, scope=bounded).lower, one(row, scope=bounded).upper) == (1, 1 + 9 + 3)
    assert one(row, scope=SHOP).upper == 1


def test_a_new_scope_tells_who_came_in_and_who_went_out():
    rows = [Held("a", "shop", "x", T0), Held("b", "crm", "x", T0), Held("c", "shop", "x", day(30))]
    before = affected(rows, [], SHOP)
    wider = affected(rows, [], Scope(day(10), day(40), {"crm": frozenset(), "shop": frozenset()}))
    assert delta(before, wider).added == {"b", "c"}
    assert delta(wider, before).removed == {"b", "c"}
    assert before.digest() != wider.digest()
    assert affected(reversed(rows), [], SHOP).digest() == before.digest()
    assert Affected(frozenset({"a"}), frozenset(), 0).digest() != Affected(frozenset(), frozenset({"a"}), 0).digest()


def test_a_window_that_cannot_be_is_refused():
    with pytest.raises(ImpossibleScope):
        Scope(day(2), day(1), {})
    with pytest.raises(ImpossibleScope):
        Scope(datetime(2026, 1, 1), day(1), {})  # noqa: DTZ001


rows = st.builds(
    Held,
    st.sampled_from("abcdef"),
    st.sampled_from(["shop", "crm"]),
    st.sampled_from(["x", "y"]),
    st.one_of(st.none(), st.integers(0, 30).map(day)),
    st.one_of(st.none(), st.integers(0, 30).map(day)),
)
erasures = st.builds(Erased, st.sampled_from("abcdef"), st.sampled_from(["shop", "crm"]), st.integers(0, 30).map(day))


def by_definition(held, gone, scope):
    """The sentence of the law-abiding reader, row by row."""

    def counts(r):
        if r.processor_id not in scope.processors:
            return False
        if (r.since or scope.start) > scope.end or (r.until or scope.end) < scope.start:
            return False
        return not any(
            g.subject == r.subject
            and g.processor_id == r.processor_id
            and g.verified_at < scope.start
            and (r.since is None or r.since <= g.verified_at)
            for g in gone
        )

    found = [r for r in held if counts(r)]
    return {r.subject for r in found if r.since}, {r.subject for r in found}


@given(st.lists(rows, max_size=12), st.lists(erasures, max_size=6))
def test_the_sets_are_those_of_the_definition(held, gone):
    found = affected(held, gone, SHOP)
    certain, all_ = by_definition(held, gone, SHOP)
    assert found.certain == certain
    assert found.certain | found.possible == all_
    assert not found.certain & found.possible


def test_a_million_people_are_told_apart_exactly():
    """Every fifth was erased before, every seventh came after, every eleventh is not dated, the rest are concerned."""
    people = 1_000_000
    early, late = day(1), day(25)

    def held():
        for n in range(people):
            since = late if n % 7 == 0 else None if n % 11 == 0 else early
            yield Held(f"s{n}", "shop", "user.contact", since)

    gone = (Erased(f"s{n}", "shop", day(5)) for n in range(0, people, 5))
    found = affected(held(), gone, SHOP)
    left = [n for n in range(people) if n % 5 and n % 7]
    assert found.certain == {f"s{n}" for n in left if n % 11}
    assert found.possible == {f"s{n}" for n in left if not n % 11}
    assert found.upper == len(left)
