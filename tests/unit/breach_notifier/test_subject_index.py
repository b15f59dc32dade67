"""From what was told of a person to when data was held; people of databases under references that are linked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from breach_notifier.domain.affected import Affected, Counting, Scope, affected, bounds
from breach_notifier.domain.errors import ImpossibleScope
from breach_notifier.domain.scope import Asked, GoneSince, Linked, Looked, Reached, from_json, to_json
from breach_notifier.domain.subject_index import Fact, held_of

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def day(n):
    return T0 + timedelta(days=n)


def fact(kind, first, last=None, category="user.contact"):
    return Fact("p", category, kind, day(first), day(first if last is None else last))


def counted(*facts, category=""):
    scope = Scope(day(10), day(20), {"shop": frozenset({category} if category else ())}, {"shop": T0})
    found = affected(held_of("shop", facts), (), scope)
    return "certain" if found.certain else "possible" if found.possible else "no"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ([fact("created", 5)], "certain"),
        ([fact("created", 25)], "no"),
        ([fact("created", 1), fact("erased", 5, category="")], "no"),
        ([fact("created", 1), fact("erased", 15, category="")], "certain"),
        ([fact("created", 1), fact("erased", 5, category=""), fact("restored", 12)], "certain"),
        # an update shows that it was there, and says nothing about before
        ([fact("updated", 15)], "certain"),
        ([fact("updated", 25)], "possible"),
        ([fact("updated", 5, 25)], "certain"),
        # gone, and there again without anybody telling of its coming
        ([fact("created", 1), fact("erased", 5, category=""), fact("updated", 25)], "possible"),
        # an erasure alone shows that something had been there
        ([fact("erased", 15, category="")], "certain"),
        ([fact("erased", 25, category="")], "possible"),
        ([fact("erased", 5, category="")], "no"),
        # of one category only
        ([fact("created", 1), fact("erased", 5, category="user.health")], "certain"),
    ],
)
def test_what_was_held_in_the_window_follows_from_the_facts_in_any_order(facts, verdict):
    assert {counted(*order) for order in permutations(facts)} == {verdict}


def test_data_of_a_narrower_category_is_in_scope_and_data_of_an_untold_one_only_possibly():
    assert counted(fact("created", 1, category="user.contact.email"), category="user.contact") == "certain"
    assert counted(fact("created", 1, category="user.contacts"), category="user.contact") == "no"
    assert counted(fact("created", 1, category=""), category="user.contact") == "possible"


def asked(**processors):
    return Asked(day(10), day(20), {p: Reached(tuple(c)) for p, c in processors.items()})


def test_a_person_who_is_known_by_several_identifiers_counts_once_across_databases():
    linked = Linked(asked(shop=(), crm=()), [Looked("shop"), Looked("crm")], [])
    linked.lines("crm", [b"+number7"])
    linked.lines("shop", [b"?mail7 number7", b"+mail8"])
    found = linked.result()
    assert (found.certain, found.possible, found.upper) == (frozenset({"mail7", "mail8"}), frozenset(), 2)


def test_who_was_erased_before_and_is_there_again_is_possible_and_who_was_erased_since_was_there():
    gone = [
        GoneSince("shop", ("mail1", "number1"), day(5), erased=True),
        GoneSince("shop", ("number2", "mail2"), day(15), erased=True),
        GoneSince("shop", ("mail3",), day(25), erased=True),
        GoneSince("shop", ("mail4",), day(15), erased=False),
        GoneSince("crm", ("mail5",), day(15), erased=True),
        GoneSince("shop", (), day(15), erased=True),
    ]
    linked = Linked(asked(shop=()), [Looked("shop")], gone)
    linked.lines("shop", [b"+mail9 number1"])
    found = linked.result()
    assert found.certain == {"number2"}
    assert found.possible == {"mail9", "mail3"}
    narrow = Linked(asked(shop=["user.health"]), [Looked("shop")], gone)
    assert narrow.result().certain == frozenset(), "nobody knows whether it was data in scope"


def test_a_database_that_could_not_be_searched_leaves_the_upper_bound_open():
    linked = Linked(asked(shop=(), crm=()), [Looked("shop"), Looked("crm", failed=True)], [])
    linked.lines("shop", [b"+mail1"])
    assert (linked.result().lower, linked.result().upper) == (1, None)


def test_parts_that_share_no_references_are_at_least_the_largest_and_at_most_their_sum():
    parts = [Affected(frozenset("abc"), frozenset("d"), 0), Affected(frozenset("xy"), frozenset(), 1)]
    assert (bounds(parts).lower, bounds(parts).upper) == (3, 7)
    assert bounds([*parts, Affected(frozenset(), frozenset(), None)]).upper is None
    assert (bounds([]).lower, bounds([]).upper) == (0, 0)


def test_a_scope_is_read_as_it_was_written_and_refused_where_it_makes_none():
    one = Asked(day(1), day(2), {"shop": Reached(("user.contact",), day(0), 7), "crm": Reached()})
    assert from_json(to_json(one)) == one
    one.check(day(3))
    for wrong in (
        Asked(day(2), day(1), one.processors),
        Asked(day(4), day(5), one.processors),
        Asked(day(1), day(2), {}),
    ):
        with pytest.raises(ImpossibleScope):
            wrong.check(day(3))


def test_many_people_told_of_by_subject_events_come_out_exactly():
    """A tenth each: early, inside, later, erased before, erased and back; the rest early."""
    kinds = {
        1: [("created", day(15))],
        2: [("created", day(25))],
        3: [("created", day(1)), ("erased", day(5))],
        4: [("created", day(1)), ("erased", day(5)), ("restored", day(12))],
    }
    early = [("created", day(1))]
    counting = Counting((), Scope(day(10), day(20), {"shop": frozenset()}, {"shop": T0}))
    for n in range(20_000):
        told = kinds.get(n % 10, early)
        facts = [Fact(str(n), "" if kind == "erased" else "user.contact", kind, at, at) for kind, at in told]
        counting.add(held_of("shop", facts))
    found = counting.result()
    assert found.certain == {str(n) for n in range(20_000) if n % 10 not in {2, 3}}
    assert (found.possible, found.upper) == (frozenset(), 16_000)
