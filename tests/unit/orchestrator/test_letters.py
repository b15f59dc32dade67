"""Which letter goes out when, what it has to tell, and that only a notice that went out in time extends."""

import json
from datetime import timedelta

import msgspec
import pytest

from lethe_events import LetterState
from lethe_events.words import Right
from lethe_testkit.letters import Writing, ask_extension, told
from lethe_testkit.sagas import KEPT, NOW, RETENTION, VERSION, rules
from orchestrator.application.correspondence import Correspondence, reported, trouble
from orchestrator.domain.certificate import certificate
from orchestrator.domain.clock import extended
from orchestrator.domain.replay import replay

SHOP, CRM = rules("shop"), rules("crm")
VENDOR = rules("vendor", deletion_lag=timedelta(days=2))


def started(*processors, right=Right.ERASURE, **more):
    return Writing().received(right, **more).whatever().planned(*(processors or (SHOP,))).whatever()


def carried_out(given, *names, outcome="done", **more):
    for name in names:
        given.acked(f"erase@{name}", outcome, **more).whatever()
        given.acked(f"verify@{name}", "nothing_found").whatever()
    return given


def test_nothing_is_written_before_there_is_something_to_tell():
    assert started().acked("erase@shop", "done").whatever().kinds == []


def test_an_erasure_is_told_once_with_where_it_was_done():
    given = carried_out(started(SHOP, CRM), "shop")
    assert given.kinds == []
    carried_out(given, "crm", outcome="nothing_found")
    (letter,) = given.letters
    assert (letter.kind, letter.processors, letter.reasons) == ("erased", ("shop",), ())
    assert letter.register_version == VERSION


def test_a_person_of_whom_nothing_is_held_is_told_so():
    assert carried_out(started(), "shop", outcome="nothing_found").kinds == ["nothing_held"]


def test_what_the_law_keeps_is_told_per_category_with_ground_and_end():
    row = msgspec.structs.replace(KEPT, until=NOW + timedelta(days=3650))
    given = started().acked("erase@shop", "retained", retained=(row,)).whatever()
    given.acked("verify@shop", "retained", retained=(row,)).whatever()
    (letter,) = given.letters
    assert letter.kind == "partially_granted"
    (reason,) = letter.reasons
    assert (reason.category, reason.ground, reason.until) == ("user.financial", "legal_obligation", row.until)


def test_an_exception_is_told_as_a_refusal_where_nothing_was_done():
    given = started().acked("erase@shop", "permanent").whatever()
    given.proposed("erase@shop").whatever().approved("erase@shop").whatever()
    (letter,) = given.letters
    assert (letter.kind, letter.reasons[0].ground, letter.reasons[0].processor_id) == (
        "refused",
        "legal_claims",
        "shop",
    )


def test_a_vendor_that_promised_is_told_as_pending_and_again_when_it_is_done():
    given = started(SHOP, VENDOR)
    given.acked("erase@vendor", "accepted", expected_by=given.now + timedelta(days=3)).whatever()
    carried_out(given, "shop")
    (first,) = given.letters
    assert (first.kind, first.processors, first.pending) == ("erased", ("shop",), ("vendor",))
    assert first.pending_until == NOW + timedelta(days=3)
    given.pass_time(days=4).whatever()
    given.acked("erase@vendor", "done").whatever().acked("verify@vendor", "nothing_found").whatever()
    assert given.saga.closed_at is not None
    assert [letter.processors for letter in given.letters] == [("shop",), ("vendor",)]
    assert len({letter.letter_id for letter in given.letters}) == 2


def test_an_access_answer_names_where_data_was_found_and_until_when_it_can_be_fetched():
    given = started(SHOP, CRM, right=Right.ACCESS)
    given.acked("export@shop", "done").whatever().acked("export@crm", "nothing_found").whatever()
    assert given.kinds == []
    given.acked("package@lethe-package", "done").whatever()
    (letter,) = given.letters
    assert (letter.kind, letter.processors) == ("access_answer", ("shop",))
    assert letter.package_until == NOW + RETENTION


def test_a_copy_that_is_asked_for_together_with_an_erasure_is_told_before_anything_is_erased():
    given = started(export_first=True)
    given.acked("export@shop", "done").whatever().acked("package@lethe-package", "done").whatever()
    assert given.kinds == ["access_answer"]
    carried_out(given, "shop")
    assert given.kinds == ["access_answer", "erased"]


def test_a_refusal_is_told_at_its_approval_with_ground_and_authority():
    given = started().refusing(authority="DE-BE").whatever()
    assert given.kinds == []
    (letter,) = given.refused().whatever().letters
    assert (letter.kind, letter.authority) == ("refused", "DE-BE")
    assert [(r.ground, r.article, r.category) for r in letter.reasons] == [("excessive", "GDPR Art. 12(5)(b)", None)]
    given.acked("erase@shop", "done").whatever()
    assert given.kinds == ["refused"]


def test_a_withdrawal_is_confirmed_once():
    given = started().withdrawn().whatever().acked("erase@shop", "done").whatever()
    assert given.kinds == ["withdrawn"]


def test_the_clock_moves_when_there_is_proof_that_the_notice_went_out_and_not_before():
    given = started()
    first = given.saga.clock
    ask_extension(given.pass_time(days=3).whatever()).whatever()
    (notice,) = given.letters
    assert (notice.kind, notice.because, notice.first_due) == ("extension", ("complexity",), first.due_legal)
    assert notice.not_after == first.due_legal
    assert given.saga.clock is first
    given.pass_time(hours=5).whatever()
    sent_at = given.now - timedelta(hours=1)
    told(given, at=sent_at).expect("tell fulfilling")
    assert given.saga.clock.due_legal == notice.new_due > first.due_legal
    assert given.saga.beside.changes[-1].happened_at == sent_at
    assert given.saga.beside.extending is None
    assert replay(given.history(), {VERSION: {"shop": SHOP}}) == given.saga
    told(given).expect_ignored()


@pytest.mark.parametrize(("state", "days"), [("failed", 1), ("sent", 40)])
def test_a_notice_that_failed_or_went_out_too_late_extends_nothing_and_somebody_has_to_look(state, days):
    given = ask_extension(started()).whatever()
    first = given.saga.clock
    given.pass_time(days=days).whatever()
    told(given, state=state).whatever()
    assert given.saga.clock is first
    assert given.saga.beside.first is None
    assert given.saga.beside.extending is None
    assert trouble(given.saga, _last_report(given)) is not None


def test_dates_that_come_with_a_failed_notice_count_for_nothing():
    given = ask_extension(started()).whatever()
    first = given.saga.clock
    later = extended(given.saga, 2, ("complexity",), given.now, by="kim", now=given.now)
    given.happens(msgspec.structs.replace(_report_of(given, state=LetterState.FAILED), clock=later)).whatever()
    assert given.saga.clock is first


def test_after_a_notice_failed_another_one_may_be_sent_under_another_id():
    given = told(ask_extension(started()).whatever(), state="failed").whatever()
    ask_extension(given).whatever()
    assert len({letter.letter_id for letter in given.letters}) == 2
    told(given, n=2).whatever()
    assert given.saga.beside.first is not None


def test_two_notices_are_never_under_way():
    given = ask_extension(started()).whatever()
    ask_extension(given).expect_rejected("notice_under_way")


def test_a_notice_counts_no_more_when_a_part_was_refused_meanwhile():
    given = ask_extension(started(SHOP, CRM)).whatever()
    first = given.saga.clock
    given.acked("erase@shop", "permanent").whatever().proposed("erase@shop").whatever().approved(
        "erase@shop"
    ).whatever()
    told(given).whatever()
    assert given.saga.clock is first


def test_a_failed_letter_changes_nothing_of_what_was_decided_and_is_on_record():
    given = carried_out(started(), "shop")
    before = given.saga
    told(given, "erased", "failed").whatever()
    assert (given.saga.state, given.saga.answered_at, given.saga.tasks) == (
        before.state,
        before.answered_at,
        before.tasks,
    )
    entry = json.loads([*given.history()][-1])
    assert (entry["kind"], entry["event"]["state"], entry["event"]["reason"]) == (
        "letter_reported",
        "failed",
        "refused",
    )
    assert trouble(given.saga, _last_report(given)) == "erased: refused"


def test_a_bounce_takes_the_place_of_a_proof_and_nothing_else_does():
    given = told(carried_out(started(), "shop"), "erased").whatever()
    told(given, "erased", "failed").expect_ignored()
    told(given, "erased", "bounced").whatever()
    assert [p.state for p in given.saga.beside.letters] == ["bounced"]


def test_the_certificate_holds_the_proofs_that_came_before_it():
    given = told(ask_extension(started()).whatever()).whatever()
    carried_out(given, "shop")
    (entry,) = certificate(given.saga, links=1, head="a" * 64)["letters"]
    assert (entry["kind"], entry["state"], entry["sha256"]) == ("extension", "sent", "d" * 64)


def test_another_controller_cannot_say_that_a_notice_went_out():
    given = ask_extension(started()).whatever()
    event = _report_of(given, controller_id="beta")
    given.happens(event).expect_rejected("wrong_controller")


def test_the_same_letter_is_asked_for_with_the_same_message():
    given = started()
    before = given.saga
    given.withdrawn()
    correspondence, event = Correspondence("letters", ["acme"]), _Withdrawn()
    stamp = _stamp(given)
    (one,), (two,) = (correspondence.asked(before, given.saga, event, stamp) for _ in range(2))
    assert dict(one.headers) == dict(two.headers)
    assert one.value == two.value


class _Withdrawn:
    at = NOW


def _stamp(given):
    import lethe_events as wire

    return wire.Stamp(source="/test", key=str(given.saga.id), time=NOW, correlation_id=given.saga.id, causation_id=None)


def _report_of(given, **changes):
    import lethe_events as wire

    extending = given.saga.beside.extending
    fields = {
        "letter_id": extending.letter_id,
        "dsr_id": given.saga.id,
        "controller_id": "acme",
        "kind": "extension",
        "state": LetterState.SENT,
        "at": given.now,
    }
    return reported(given.saga, wire.LetterReported(**fields | changes), given.now, given.saga.id)


def _last_report(given):
    from orchestrator.domain import record
    from orchestrator.domain.record import from_json

    entry = json.loads([*given.history()][-1])
    context = record.Context(given.saga.id, "acme", {})
    return from_json(entry["kind"], given.now, None, entry["event"], context)
