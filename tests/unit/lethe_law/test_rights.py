"""Rights: each decided or guided outcome that was published, and what holds beside them."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law import first_month
from lethe_law.rights import dsrs as r
from lethe_law.rights.access import Entry, told
from lethe_law.rights.erasure import (
    METHODS,
    Act,
    CountFrom,
    Held,
    Outcome,
    Retention,
    RetentionError,
    erase_on,
    outcome,
    scope,
)
from lethe_law.rights.letters import REQUIRED, When, missing
from lethe_law.rights.portability import FORMATS, Basis, Origin, portable
from lethe_letters.parts import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

with (Path(__file__).parent / "cases" / "rights_cases.csv").open(encoding="utf-8") as _file:
    ROWS = {row["case_id"]: row for row in csv.DictReader(_file) if row["confidence"] in {"high", "medium"}}

TODAY = date(2026, 11, 23)
AML = Retention("legal_obligation", "Anti-money-laundering act", "relationship_ended", 5)
VOUCHERS = Retention("legal_obligation", "Commercial code Art. 16", "financial_year", 10, CountFrom.END_OF_YEAR)


def kept_by_law() -> bool:
    answer = scope(Held("user.financial", "due_diligence", retention=AML, happened=date(2024, 3, 1)), TODAY)
    refusal_without_court = missing("refused", {"reasons", "authority"})
    return (
        answer.act is Act.KEEP_RESTRICTED
        and answer.until == date(2029, 3, 2)
        and outcome([answer]) is Outcome.REFUSED
        and [p.id for p in refusal_without_court] == ["court"]
        and [p.id for p in missing("refused", {"reasons"})] == ["authority", "court"]
    )


def withdrawn_loan() -> bool:
    answers = [
        scope(Held("user.contact", "loan_application"), TODAY),
        scope(Held("user.financial", "consumer_code", retention=AML, happened=TODAY), TODAY),
    ]
    acts = [a.act for a in answers]
    return acts == [Act.ERASE, Act.KEEP_RESTRICTED] and outcome(answers) is Outcome.PARTIALLY_GRANTED


def accounting_records() -> bool:
    end = erase_on(VOUCHERS, date(2024, 12, 31))
    open_account = Held("user.financial", "accounts", needed=True, retention=VOUCHERS, happened=date(2024, 6, 1))
    return end == date(2035, 1, 1) and scope(open_account, end).act is Act.ERASE


def ended_contract() -> bool:
    kept = scope(Held("user.financial", "accounts", retention=VOUCHERS, happened=TODAY), TODAY)
    gone = scope(Held("user.behavior", "marketing"), TODAY)
    return (kept.act, gone.act) == (Act.KEEP_RESTRICTED, Act.ERASE)


def document_from_everybody() -> bool:
    return not any(
        r.proportionate(r.Proof.DOCUMENT, r.Circumstances(signed_in=s, known_address=k, agent=a))
        for s, k, a in product((True, False), repeat=3)
    )


def health_data_without_identity() -> bool:
    doubt = r.Circumstances(known_address=True, doubt="no account, name is common", sensitive=True)
    asked = r.may_refuse_unidentified(r.Proof.DOCUMENT, doubt, answered=False)
    harmless = r.Circumstances(known_address=True, doubt="no account")
    return asked and not r.may_refuse_unidentified(r.Proof.DOCUMENT, harmless, answered=False)


def no_reply() -> bool:
    due = first_month(datetime(2018, 6, 28, 12, tzinfo=UTC), country="BE").due_legal
    late = datetime(2019, 5, 17, tzinfo=UTC)
    return r.unanswered_infringes(due, late, answered=False) and not r.unanswered_infringes(due, due, answered=False)


def whole_copy() -> bool:
    return "copy" in {p.id for p in missing("access_answer", ())}


def first_copy_is_free() -> bool:
    return not r.fee_allowed(copies_before=0) and r.fee_allowed(copies_before=1)


def yearly_requests() -> bool:
    earlier = [r.Earlier("access", date(2025, 11, 23)), r.Earlier("access", date(2024, 11, 23))]
    return r.patterns("access", TODAY, earlier) == ()


def inferred_profile() -> bool:
    found = [portable(o, Basis.CONTRACT, automated=True).included for o in Origin]
    return found == [True, True, False]


def counterparties() -> bool:
    found = portable(Origin.OBSERVED, Basis.CONTRACT, automated=True, others=True)
    return found.included and "20(4)" in found.article and "new controller" in found.duty


def marketing() -> bool:
    return r.objection(direct_marketing=True) is r.Objection.STOP_FOR_GOOD


def needed_for_a_claim() -> bool:
    answer = scope(Held("user.contact", "support", claim_of_subject=True), TODAY)
    return answer.act is Act.KEEP_RESTRICTED and answer.ground is not None and "18(1)(c)" in answer.ground.article


def hashing_is_no_erasure() -> bool:
    return not METHODS & {"hashed", "masked", "pseudonymised"}


def wrong_address() -> bool:
    return [r.received(where) for where in r.Reached] == [True, True, False]


OUTCOMES: dict[str, Callable[[], bool]] = {
    "RC-01": kept_by_law,
    "RC-03": withdrawn_loan,
    "RC-05": accounting_records,
    "RC-07": ended_contract,
    "RC-09": document_from_everybody,
    "RC-11": health_data_without_identity,
    "RC-13": no_reply,
    "RC-15": whole_copy,
    "RC-17": first_copy_is_free,
    "RC-19": yearly_requests,
    "RC-21": inferred_profile,
    "RC-23": counterparties,
    "RC-25": marketing,
    "RC-27": needed_for_a_claim,
    "RC-29": hashing_is_no_erasure,
    "RC-31": wrong_address,
}


@pytest.mark.parametrize("case", ROWS)
def test_the_outcome_is_the_published_one(case: str) -> None:
    assert OUTCOMES[case](), ROWS[case]["expected_outcome"]


def test_every_letter_that_the_law_knows_has_its_parts_in_the_library_of_letters() -> None:
    """What the law requires, the library requires too, of every language."""
    lacking = {
        (letter, part.id)
        for letter, parts in REQUIRED.items()
        for part in parts
        if part.id not in {p.id for p in KINDS[letter].parts}
    }
    assert lacking == set()
    assert {p.when for parts in REQUIRED.values() for p in parts} == set(When)


def test_a_conditional_part_is_required_when_its_condition_holds() -> None:
    has = {p.id for p in REQUIRED["access_answer"]} - {"source", "automated", "safeguards"}
    assert missing("access_answer", has) == ()
    assert [p.id for p in missing("access_answer", has, {When.AUTOMATED, When.THIRD_COUNTRY})] == [
        "automated",
        "safeguards",
    ]


def test_only_consent_and_contract_and_machines_make_data_portable_and_never_a_pdf() -> None:
    included = {(o, b, a) for o, b, a in product(Origin, Basis, (True, False)) if portable(o, b, automated=a).included}
    bases = {Basis.CONSENT, Basis.EXPLICIT_CONSENT, Basis.CONTRACT}
    assert included == {(o, b, True) for o in (Origin.PROVIDED, Origin.OBSERVED) for b in bases}
    assert "pdf" not in FORMATS


ENTRY = Entry("orders", "contract", ("user.contact",), "Shop", "10 years", None)


def test_an_access_answer_tells_every_point_once_and_names_the_recipients() -> None:
    other = Entry(
        "ads", "consent", ("user.contact", "user.behavior"), "Ads Inc", "2 years", "a broker", "US", "SCC 2021/914"
    )
    scored = Entry(
        "scoring", "contract", ("user.financial",), "Bank", "5 years", None, None, None, "points", "no credit"
    )
    found = told([ENTRY, ENTRY, other, scored], "BlnBDI")
    assert found.recipients == ("Shop", "Ads Inc", "Bank")
    assert found.categories == ("user.contact", "user.behavior", "user.financial")
    assert (found.sources, found.safeguards, found.automated) == (
        ("a broker",),
        (("US", "SCC 2021/914"),),
        (("points", "no credit"),),
    )
    assert found.holds == {When.NOT_FROM_SUBJECT, When.AUTOMATED, When.THIRD_COUNTRY}
    assert (found.gaps, told([ENTRY], "BlnBDI").holds) == ((), frozenset())
    assert len(found.rights) == 4


def test_what_the_register_lacks_is_a_gap_and_never_made_up() -> None:
    bare = Entry("", "", (), "", " ", None, "US", None, "points", None)
    assert {gap.split(":")[0] for gap in told([bare], "").gaps} == {
        "15(1)(a)",
        "15(1)(b)",
        "15(1)(c)",
        "15(1)(d)",
        "15(1)(f)",
        "15(1)(h)",
        "15(2)",
    }
    assert told([bare], "").safeguards == ()


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 30), st.sampled_from(CountFrom))
def test_a_duty_keeps_data_for_its_whole_period_and_not_a_year_longer(event: date, years: int, how: CountFrom) -> None:
    end = erase_on(Retention("legal_obligation", "a law", "x", years, how), event)
    assert event.year + years <= end.year <= event.year + years + 1
    assert end > date(event.year + years, event.month, min(event.day, 28))


def test_the_end_of_a_duty_that_has_not_begun_is_not_known() -> None:
    answer = scope(Held("user.financial", "due_diligence", retention=AML), TODAY)
    assert (answer.act, answer.until) == (Act.KEEP_RESTRICTED, None)
    assert scope(Held("x", "contract", needed=True), TODAY).act is Act.KEEP


def test_a_kept_part_ends_on_its_day_and_not_before() -> None:
    held = Held("user.financial", "due_diligence", retention=AML, happened=date(2024, 3, 1))
    assert scope(held, date(2029, 3, 1)).act is Act.KEEP_RESTRICTED
    assert scope(held, date(2029, 3, 2)).act is Act.ERASE


@pytest.mark.parametrize(
    ("code", "law", "starts", "years"),
    [
        ("legal_obligation", "", "x", 5),
        ("legal_obligation", "a law", "", 5),
        ("legal_obligation", "a law", "x", 0),
        ("excessive", "a law", "x", 5),
    ],
)
def test_a_duty_that_keeps_nothing_or_names_no_law_is_refused(code: str, law: str, starts: str, years: int) -> None:
    with pytest.raises(RetentionError):
        Retention(code, law, starts, years)


def test_nothing_kept_is_granted() -> None:
    assert outcome([]) is Outcome.GRANTED
    assert outcome([scope(Held("a", "b"), TODAY)]) is Outcome.GRANTED


def test_patterns_are_flags_with_a_reason_each() -> None:
    again = [r.Earlier("access", date(2026, 11, 1))]
    assert r.patterns("access", TODAY, again) == (r.Pattern.SAME_AGAIN,)
    assert r.patterns("access", TODAY, [r.Earlier("access", date(2026, 11, 1), changed_since=True)]) == ()
    assert r.patterns("erasure", TODAY, again) == ()
    everything = r.patterns("access", TODAY, again, open_of_the_same=5, benefit_asked=True, stated_to_disrupt=True)
    assert everything == tuple(r.Pattern)
    assert r.fee_allowed(copies_before=0, confirmed=everything)


@pytest.mark.parametrize(
    ("found", "most"),
    [
        (r.Circumstances(signed_in=True), r.Proof.NONE),
        (r.Circumstances(known_address=True), r.Proof.CODE),
        (r.Circumstances(known_address=True, agent=True), r.Proof.MANDATE),
        (r.Circumstances(signed_in=True, agent=True), r.Proof.MANDATE),
        (r.Circumstances(doubt="unknown address"), r.Proof.DOCUMENT),
        (r.Circumstances(known_address=True, doubt="two people of that name"), r.Proof.CODE),
        (r.Circumstances(doubt="unknown address", right="automated_decision"), r.Proof.CODE),
    ],
)
def test_identity_is_checked_with_no_more_than_the_doubt_asks_for(found: r.Circumstances, most: r.Proof) -> None:
    assert r.most_allowed(found) is most
    assert [r.proportionate(p, found) for p in r.Proof] == [p <= most for p in r.Proof]
