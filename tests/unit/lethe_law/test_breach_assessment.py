"""Proposals of the engine: equal to what was published, monotone, honest about what is not known."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law.breach.assess import _BEST, _WORST, Answer, propose, unknown_facts
from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.breach.facts import (
    BreachFacts,
    Cause,
    Data,
    Harm,
    Identifiability,
    Kind,
    Permanence,
    Recipient,
    as_json,
    facts_of,
)
from lethe_law.breach.rules import OMNIBUS, Risk, in_force
from lethe_law.breach.weigh import weigh

CASES = Path(__file__).parent / "cases"
with (CASES / "breach_cases.csv").open(encoding="utf-8") as _file:
    ROWS = [row for row in csv.DictReader(_file) if row["confidence"] in {"high", "medium"}]
FILES = {path.stem: json.loads(path.read_text()) for path in sorted((CASES / "breach_facts").glob("*.json"))}


def facts_for(case: str) -> BreachFacts:
    return facts_of(FILES[case.replace("/", "-")]["facts"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case_no"])
def test_the_proposal_is_the_published_answer(row: dict[str, str]) -> None:
    found = propose(facts_for(row["case_no"]))
    assert (found.notify_authority, found.notify_subjects, found.document) == (
        row["notify_sa"],
        row["notify_subjects"],
        row["document_internally"],
    ), found.factors
    assert found.factors


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file["case"])
def test_every_file_of_facts_names_its_source_and_comes_out_as_published(file: dict[str, Any]) -> None:
    """Beside the rows above: the other cases of the same guidelines."""
    assert file["source"]
    found = propose(facts_of(file["facts"]))
    answers = {name: getattr(found, name).value for name in file["published"]}
    assert answers == file["published"], found.factors


def test_every_case_of_the_guidelines_has_its_facts() -> None:
    assert {f"{n:02}" for n in range(1, 19)} <= set(FILES)


@st.composite
def breaches(draw: st.DrawFn) -> BreachFacts:
    known: dict[str, object] = {"kinds": draw(st.frozensets(st.sampled_from(Kind), min_size=1))}
    for name in sorted(_BEST):
        kind = type(_BEST[name])
        if name == "data":
            value: object = draw(st.frozensets(st.sampled_from(Data), min_size=1))
        elif kind is bool:
            value = draw(st.booleans())
        elif kind is int:
            value = draw(st.integers(0, 200_000))
        else:
            value = draw(st.sampled_from(kind))
        known[name] = draw(st.sampled_from([None, value]))
    return BreachFacts(**known)  # type: ignore[arg-type]


@given(breaches())
def test_whom_the_proposal_tells_is_monotone_and_documentation_is_always_owed(facts: BreachFacts) -> None:
    found = propose(facts)
    assert found.document is Answer.YES
    assert found.least <= found.most
    if found.notify_subjects is Answer.YES:
        assert found.notify_authority is Answer.YES
    if found.notify_authority is Answer.NO:
        assert found.notify_subjects is Answer.NO
    conditional = Answer.CONDITIONAL in {found.notify_authority, found.notify_subjects}
    assert bool(found.open_facts) == (found.least is not found.most)
    assert not conditional or set(found.open_facts) <= set(unknown_facts(facts))


@given(breaches(), st.sampled_from(sorted(_BEST)))
def test_a_worse_fact_never_lowers_the_risk(facts: BreachFacts, name: str) -> None:
    known = replace(facts, **{n: _WORST[n] for n in _BEST if getattr(facts, n) is None})  # type: ignore[arg-type]
    better = replace(known, **{name: _BEST[name]})  # type: ignore[arg-type]
    worse = replace(known, **{name: _WORST[name]})  # type: ignore[arg-type]
    assert weigh(better)[0] <= weigh(known)[0] <= weigh(worse)[0]


@given(breaches(), st.sampled_from(sorted(_BEST)))
def test_learning_a_fact_only_narrows_what_is_possible(facts: BreachFacts, name: str) -> None:
    before = propose(replace(facts, **{name: None}))  # type: ignore[arg-type]
    after = propose(facts)
    assert before.least <= after.least <= after.most <= before.most


@given(breaches())
def test_facts_survive_being_written_down(facts: BreachFacts) -> None:
    assert facts_of(json.loads(json.dumps(as_json(facts)))) == facts


def test_what_is_not_known_is_named_and_decides_nothing() -> None:
    found = propose(facts_for("v"))
    assert found.open_facts == ("subjects",)
    assert propose(replace(facts_for("v"), subjects=1)).notify_subjects is Answer.NO
    assert propose(replace(facts_for("v"), subjects=20_000)).notify_subjects is Answer.YES


def test_nothing_known_at_all_is_conditional_on_everything() -> None:
    facts = BreachFacts(frozenset(Kind))
    found = propose(facts)
    assert {found.notify_authority, found.notify_subjects} == {Answer.CONDITIONAL}
    assert (found.least, found.most) == (Risk.UNLIKELY, Risk.HIGH)
    assert set(unknown_facts(facts)) == set(_BEST) == {f.name for f in fields(BreachFacts)} - {"kinds"}


def test_a_key_that_was_lost_too_undoes_the_encryption() -> None:
    sealed = facts_for("i")
    assert propose(sealed).notify_authority is Answer.NO
    assert propose(replace(sealed, key_safe=False)).notify_authority is Answer.YES
    assert propose(replace(sealed, key_safe=None)).notify_authority is Answer.CONDITIONAL


def test_the_threshold_is_that_of_the_rule_of_the_day() -> None:
    slight = facts_for("16")
    assert propose(slight).notify_authority is Answer.YES
    later = in_force(OMNIBUS, date(2028, 1, 1))
    assert propose(slight, later).notify_authority is Answer.NO


def test_an_attacker_weighs_more_than_a_neighbour() -> None:
    misdirected = facts_for("15")
    assert propose(misdirected).most is Risk.UNLIKELY
    assert propose(replace(misdirected, cause=Cause.EXTERNAL_MALICIOUS)).least is Risk.RISK
    assert propose(replace(misdirected, recipient=Recipient.UNKNOWN)).least is Risk.RISK


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": None}, "kinds"),
        ({"subjects": -1}, "subjects"),
        ({"subjects": True}, "subjects"),
        ({"subjects": "many"}, "subjects"),
        ({"restore_hours": -5}, "restore_hours"),
        ({"data": []}, "data"),
        ({"data": ["everything"]}, "data"),
        ({"data": "health"}, "data"),
        ({"recipient": "a friend"}, "recipient"),
        ({"vulnerable": "yes"}, "vulnerable"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_by_its_name(change: dict[str, object], word: str) -> None:
    with pytest.raises(ImpossibleFacts, match=word):
        facts_of({"kinds": ["confidentiality"], **change})


@pytest.mark.parametrize(
    ("case", "change", "risk"),
    [
        # a known recipient confirmed the deletion: of slight data nothing is left, of grave data a risk
        ("13", {}, Risk.UNLIKELY),
        ("13", {"data": frozenset({Data.HEALTH})}, Risk.RISK),
        ("13", {"data": frozenset({Data.HEALTH}), "recipient": Recipient.TRUSTED}, Risk.UNLIKELY),
        ("09", {"data": frozenset({Data.HEALTH}), "retrieved": False}, Risk.RISK),
        # what weighs more, and what weighs less
        ("15", {"vulnerable": True}, Risk.RISK),
        ("15", {"safety": True}, Risk.HIGH),
        ("16", {"subjects": 9_999}, Risk.RISK),
        ("16", {"subjects": 10_000}, Risk.HIGH),
        ("16", {"permanence": Permanence.TEMPORARY}, Risk.UNLIKELY),
        ("16", {"identifiability": Identifiability.INDIRECT}, Risk.UNLIKELY),
        # loss: 24 hours are in good time, 25 are not; without a backup it is lost for good
        ("i", {"restore_hours": 24}, Risk.UNLIKELY),
        ("i", {"restore_hours": 25}, Risk.RISK),
        ("i", {"backup": False, "permanence": Permanence.PERMANENT}, Risk.RISK),
        ("17", {"cause": Cause.INTERNAL_ERROR, "recipient": Recipient.TRUSTED, "retrieved": True}, Risk.RISK),
    ],
)
def test_each_factor_weighs_as_it_says(case: str, change: dict[str, object], risk: Risk) -> None:
    found = propose(replace(facts_for(case), **change))  # type: ignore[arg-type]
    assert (found.least, found.most) == (risk, risk), found.factors


def test_an_alteration_that_cannot_be_undone_is_a_risk_by_itself() -> None:
    altered = BreachFacts(frozenset({Kind.INTEGRITY}), harm_of_alteration=Harm.NONE, permanence=Permanence.LASTING)
    assert propose(altered).most is Risk.UNLIKELY
    assert propose(replace(altered, permanence=Permanence.PERMANENT)).least is Risk.RISK
