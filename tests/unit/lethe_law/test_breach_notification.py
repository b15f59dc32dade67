"""The notification's fields: all of the template's, asked when they make sense, filled without guessing."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law.breach.authorities import Presence, authorities_to_tell
from lethe_law.breach.errors import UnknownField
from lethe_law.breach.exemptions import NEEDS, Evidence, Exemption, NotProven, Proof, check_exemption
from lethe_law.breach.facts import BreachFacts, Cause, Data, Exfiltration, Kind
from lethe_law.breach.filling import KnownCase, fill
from lethe_law.breach.notification import (
    ASKED,
    LEAST,
    ONLY_INCOMPLETE,
    Around,
    Difference,
    WrongPhase,
    check_phase,
    difference,
    gaps,
    problems,
    required_in,
    unfilable,
)
from lethe_law.breach.reminders import REMINDERS, Since, reminders_due
from lethe_law.breach.rules import Risk
from lethe_law.breach.template import Value, field, template

with (Path(__file__).parent / "cases" / "edpb_breach_template_fields.csv").open(encoding="utf-8") as _file:
    PRINTED = {int(row["field"]): row for row in csv.DictReader(_file)}
AWARE = datetime(2026, 6, 2, 9, 45, tzinfo=UTC)


def test_every_field_of_the_template_is_here_as_it_is_printed() -> None:
    assert list(template()) == sorted(PRINTED)
    for number, row in PRINTED.items():
        found = template()[number]
        assert (found.section, found.type, found.required, found.gdpr_ref) == (
            row["section"],
            row["type"],
            row["required"],
            row["gdpr_ref"],
        )
        if number not in {67, 89}:  # 89 prints its fourth option inside the third
            assert list(found.options) == row["options"].split(), number


def test_every_conditional_field_has_its_condition_and_no_condition_is_for_a_field_that_is_not_there() -> None:
    assert set(ASKED) <= set(template())
    assert {n for n, f in template().items() if f.required == "conditional"} <= set(ASKED)
    assert all(letter in template()[n].options for n, letter in ONLY_INCOMPLETE.items())


def asked(answers: dict[int, Value], **around: bool) -> set[int]:
    return set(required_in(answers, Around(**around)))


@pytest.mark.parametrize(
    ("answers", "around", "needs", "does_not"),
    [
        # a late notification gives its reasons; one in time does not; a follow-up did so before
        ({3: "a"}, {"late": True}, {49}, set()),
        ({3: "a"}, {"late": False}, set(), {49}),
        ({3: "b"}, {"late": True}, {6}, {49}),
        # what was broken decides what is told about it
        ({55: ("a",)}, {}, {56, 57, 79}, {58, 59, 81, 83}),
        ({55: ("b",)}, {}, {58, 81}, {56, 57, 59, 79, 83}),
        ({55: ("c",)}, {}, {59, 83}, {56, 58, 79, 81}),
        ({79: ("a", "d")}, {}, {80}, set()),
        # numbers only where a number was said to be there
        ({67: "b", 72: "c"}, {}, {68}, {73}),
        ({67: "c", 72: "a"}, {}, {73}, {68}),
        ({38: "b"}, {}, set(), {39, 40, 41}),
        ({38: "a"}, {}, {39, 40, 41}, set()),
        # the data protection officer is not asked for twice
        ({23: "a"}, {}, set(), {29, 30, 31}),
        ({23: "b"}, {}, {29, 30, 31}, set()),
        ({23: "b", 29: "no"}, {}, {29}, {30, 31}),
        # telling the data subjects
        ({97: "a"}, {}, {98, 102, 104, 106}, {99, 100, 101}),
        ({97: "a", 102: "b"}, {}, {103}, set()),
        ({97: "b"}, {}, {99}, {98, 100}),
        ({97: "e"}, {}, {100, 101}, {98, 99}),
        ({97: "d"}, {}, set(), {98, 99, 100, 101}),
        # inside and outside the EEA
        ({113: "a"}, {}, {113, 114, 115, 116, 117, 118}, {120, 18}),
        ({113: "b"}, {}, {113}, {114, 118}),
        ({120: "a"}, {"in_eea": False}, {18, 120, 121, 122, 123}, {113}),
        ({44: "c"}, {}, {46}, {47}),
        ({45: True}, {}, {53}, set()),
        ({50: "b"}, {}, {52}, set()),
        ({50: "a"}, {}, set(), {52}),
        ({110: "a"}, {}, {111}, set()),
    ],
)
def test_a_field_is_asked_for_when_the_others_make_it_meaningful(
    answers: dict[int, Value], around: dict[str, bool], needs: set[int], does_not: set[int]
) -> None:
    found = asked(answers, **around)
    assert needs <= found
    assert not does_not & found


def test_a_withdrawal_asks_for_its_reasons_and_for_who_withdraws() -> None:
    found = asked({3: "b", 4: "c"})
    assert found == {3, 4, 5, 6, 12, 13, 21, 22, 23, 48}


def test_an_incomplete_notification_can_be_filed_with_gaps_but_not_without_its_sender() -> None:
    answers: dict[int, Value] = {3: "a", 4: "b", 12: "Acme", 13: "post", 21: "Kim", 22: "mail", 23: "a", 48: "x"}
    assert set(answers) == LEAST
    assert unfilable(answers) == ()
    assert gaps(answers)
    assert unfilable(answers, Around(late=True)) == (49,)
    assert unfilable(answers | {3: "b"}) == (6,)  # of what it is a follow-up
    assert unfilable({k: v for k, v in answers.items() if k != 12}) == (12,)
    assert set(unfilable(answers | {4: "a"})) == set(gaps(answers | {4: "a"}))


def test_to_be_determined_stands_in_an_incomplete_notification_only() -> None:
    assert problems({4: "b", 67: "d"}) == {}
    assert set(problems({4: "a", 67: "d", 65: ("a", "k")})) == {67, 65}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (3, "c"),
        (3, ("a", "b")),
        (55, ()),
        (55, ("a", "z")),
        (68, -1),
        (68, True),
        (68, "many"),
        (12, " "),
        (45, "yes"),
        (115, ()),
        (117, (("DE", -1),)),
    ],
)
def test_a_value_that_cannot_stand_in_its_field_is_named(number: int, value: Value) -> None:
    assert set(problems({4: "b", number: value})) == {number}


def test_only_a_notification_that_was_made_can_be_withdrawn() -> None:
    assert set(problems({3: "a", 4: "c"})) == {4}
    with pytest.raises(UnknownField):
        problems({2: "x"})
    with pytest.raises(UnknownField):
        field(127)


def test_phases_follow_each_other() -> None:
    first: dict[int, Value] = {3: "a", 4: "b", 67: "d"}
    second: dict[int, Value] = {3: "b", 4: "a", 67: "a", 68: 47_000}
    check_phase((), first)
    check_phase((first,), second)
    assert difference(first, second) == Difference((68,), (), (3, 4, 67))
    for before, after in (((), second), ((first,), first), ((first, second), second), (({3: "b", 4: "c"},), second)):
        with pytest.raises(WrongPhase):
            check_phase(before, after)
    check_phase((first, second), {**second, 4: "c"})


answered = st.dictionaries(st.sampled_from([3, 12, 68]), st.sampled_from(["a", "b"]), max_size=3)


@given(answered, answered)
def test_a_difference_tells_exactly_what_changed(before: dict[int, Value], after: dict[int, Value]) -> None:
    found = difference(before, after)
    again = {n: v for n, v in before.items() if n not in found.removed}
    again |= {n: after[n] for n in (*found.added, *found.changed)}
    assert again == after


FACTS = BreachFacts(
    frozenset({Kind.CONFIDENTIALITY}),
    cause=Cause.EXTERNAL_MALICIOUS,
    encryption_intact=False,
    exfiltration=Exfiltration.YES,
    data=frozenset({Data.CONTACT, Data.HEALTH}),
    subjects=213,
)
CASE = KnownCase("B-1", AWARE, FACTS, in_eea=True, stated={12: "Acme GmbH"}, risk=Risk.HIGH, subjects_exact=True)


def test_a_case_fills_what_it_knows_and_leaves_the_rest_as_gaps() -> None:
    found = fill(CASE, Around())
    assert found[55] == ("a",)
    assert (found[56], found[57], found[61], found[70]) == ("a", "c", "d", ("b", "k"))
    assert (found[67], found[68], found[89], found[12]) == ("a", 213, "a", "Acme GmbH")
    assert found[4] == "b"
    assert {97, 113, 92} <= set(gaps(found))
    assert problems(found) == {}
    assert 70 not in fill(replace(CASE, facts=replace(FACTS, data=frozenset({Data.OTHER_SPECIAL}))), Around())


def test_what_people_wrote_wins() -> None:
    assert fill(replace(CASE, stated={68: 250, 4: "a"}), Around())[68] == 250


def test_subjects_and_places_are_told_as_they_were_decided() -> None:
    told = authorities_to_tell(Presence("FR", subjects_in=("FR", "DE"), cross_border=True))
    cross = replace(CASE, told=told, cross_border=True, subjects_by_country=(("DE", 13), ("FR", 200)))
    found = fill(replace(cross, exemption=Exemption.AVERTED), Around())
    assert (found[113], found[116], found[118], found[97], found[100]) == ("a", ("DE", "FR"), ("FR",), "e", "b")
    assert "informatique" in str(found[114])
    outside = fill(replace(CASE, in_eea=False, subjects_by_country=(("DE", 13),)), Around(in_eea=False))
    assert (outside[120], outside[121], outside[122]) == ("a", ("DE",), (("DE", 13),))
    assert fill(replace(CASE, cross_border=False, risk=Risk.RISK), Around())[97] == "d"
    late = fill(replace(CASE, reasons_for_delay="logs came late", subjects_told_at=AWARE), Around(late=True))
    assert (late[49], late[97], late[98]) == ("logs came late", "a", AWARE.isoformat())
    follow_up = fill(replace(CASE, follow_up=True, earlier_id="2026-77"), Around())
    assert (follow_up[3], follow_up[6]) == ("b", "2026-77")


@pytest.mark.parametrize("exemption", Exemption)
def test_an_exemption_counts_only_with_all_its_evidence(exemption: Exemption) -> None:
    shown = [Evidence(proof, "file-1", "ab" * 32) for proof in NEEDS[exemption]]
    check_exemption(exemption, shown)
    for left_out in shown:
        with pytest.raises(NotProven, match=left_out.proof):
            check_exemption(exemption, [e for e in shown if e is not left_out])
        with pytest.raises(NotProven, match=left_out.proof):
            check_exemption(exemption, [e if e is not left_out else replace(e, sha256=" ") for e in shown])
        with pytest.raises(NotProven, match=left_out.proof):
            check_exemption(exemption, [e if e is not left_out else replace(e, reference=" ") for e in shown])
    assert {p for proofs in NEEDS.values() for p in proofs} == set(Proof)


def test_other_laws_remind_by_their_own_dates() -> None:
    happened = {Since.AWARE: AWARE, Since.CLASSIFIED: AWARE + timedelta(hours=2)}
    found = [(d.reminder.law, d.reminder.what, d.at - AWARE) for d in reminders_due({"NIS2", "DORA"}, happened)]
    assert [delay for _, _, delay in found] == sorted(delay for _, _, delay in found)
    assert set(found) == {
        ("DORA", "initial notification", timedelta(hours=6)),
        ("NIS2", "early warning", timedelta(hours=24)),
        ("DORA", "initial notification, at the latest", timedelta(hours=24)),
        ("NIS2", "incident notification", timedelta(hours=72)),
    }
    assert reminders_due((), happened) == ()
    final = reminders_due({"NIS2"}, {**happened, Since.NOTIFIED: datetime(2026, 1, 31, 12, tzinfo=UTC)})
    assert {d.at for d in final if d.reminder.what == "final report"} == {datetime(2026, 2, 28, 12, tzinfo=UTC)}


def test_a_law_reminds_of_nothing_before_it_is_in_force() -> None:
    early = datetime(2024, 10, 17, 12, tzinfo=UTC)
    assert reminders_due({"NIS2", "DORA"}, {Since.AWARE: early}) == ()
    assert all(r.in_force > date(2024, 1, 1) and r.article for r in REMINDERS)
