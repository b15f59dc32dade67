"""What the law keeps until a date is erased when the date comes, looked at, certified; the key lasts until then."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from lethe_testkit.sagas import KEPT, NEXT_VERSION, NOW, RETENTION, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.hold_events import KeptPartDue
from orchestrator.domain.kept_parts import due_at, forget_at, number_of, overdue
from orchestrator.domain.replay import replay
from orchestrator.domain.timers import Kind, due_events, next_moment

SHOP, CRM = rules("shop"), rules("crm")
YEARS = timedelta(days=3650)


def kept_row(until=YEARS, **more):
    return replace(KEPT, until=None if until is None else NOW + until, **more)


def keep(given, name, *rows):
    for verb in ("erase", "verify"):
        given.acked(f"{verb}@{name}", "retained", retained=rows).whatever()
    return given


def gone(given, name):
    given.acked(f"erase@{name}", "done").whatever().acked(f"verify@{name}", "nothing_found")
    return given


def closed_with(*rows, processors=(SHOP, CRM)):
    given = Given().received().whatever().planned(*processors).whatever()
    for rules_ in processors[1:]:
        gone(given, rules_.processor_id).whatever()
    return keep(given, "shop", *rows).expect_state("closed")


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


def test_when_the_date_comes_it_is_erased_looked_at_and_certified_again():
    given = closed_with(kept_row())
    assert document(given)["kept"][0]["until"] == "2036-03-02T10:15:00Z"
    given.pass_time(days=3649).expect().pass_time(days=1).expect("ask erase@shop#2/1", "tell fulfilling")
    gone(given.expect_state("fulfilling"), "shop#2").expect("tell closed")
    last = document(given)
    assert (last["result"], last["kept"]) == ("granted", [])
    assert last["reopened"] == [{"at": "2036-03-02T10:15:00Z", "why": "kept_until", "processors": ["shop"]}]
    assert number_of(given.saga) == 2
    given.pass_time(days=29).expect().pass_time(days=1).expect("shred")
    assert replay(given.history(), {VERSION: {"shop": SHOP, "crm": CRM}}) == given.saga


def test_the_key_is_not_destroyed_before_the_last_kept_part_could_be_erased():
    given = closed_with(kept_row(timedelta(days=40)), kept_row())
    assert forget_at(given.saga, RETENTION) == NOW + YEARS + RETENTION
    assert next_moment(given.saga, RETENTION)[:2] == (NOW + timedelta(days=40), Kind.KEPT)


def test_each_date_has_its_round():
    given = closed_with(kept_row(timedelta(days=40)), kept_row())
    given.pass_time(days=40).expect("ask erase@shop#2/1", "tell fulfilling")
    keep(given, "shop#2", kept_row()).expect_state("closed")
    given.pass_time(days=3610).expect("ask erase@shop#3/1", "tell fulfilling")


def test_what_is_kept_without_a_date_ends_by_no_date():
    given = closed_with(kept_row(None))
    assert due_at(given.saga) is None
    given.pass_time(days=31).expect("shred").pass_time(days=9999).expect()


def test_what_is_still_kept_after_its_date_is_tried_again_a_day_later_and_told():
    given = closed_with(kept_row(timedelta(days=40)))
    given.pass_time(days=40).whatever()
    keep(given, "shop#2", kept_row(timedelta(days=40))).expect_state("closed")
    assert [row.collection for _, row in overdue(given.saga)] == ["invoices"]
    given.pass_time(hours=23).expect().pass_time(hours=1).expect("ask erase@shop#3/1", "tell fulfilling")


def test_a_part_whose_date_passes_before_the_saga_closes_is_erased_at_once():
    given = Given().received().whatever().planned(SHOP, CRM).whatever()
    keep(given, "shop", kept_row(timedelta(days=1)))
    given.pass_time(days=2).whatever()
    gone(given, "crm").whatever()
    assert [type(e) for e in due_events(given.saga, given.now, RETENTION)] == [KeptPartDue]


def test_it_goes_by_the_register_of_that_day_and_by_the_old_one_where_it_names_the_processor_no_more():
    given = closed_with(kept_row(timedelta(days=40)))
    now = rules("shop", register_version=NEXT_VERSION)
    given.pass_time(days=39).expect()
    given.now += timedelta(days=1)
    given.happens(KeptPartDue(given.now, given.now, NEXT_VERSION, (now,))).expect(
        "ask erase@shop#2/1", "tell fulfilling"
    )
    assert given.task("erase@shop#2").rules.register_version == NEXT_VERSION
    registers = {VERSION: {"shop": SHOP, "crm": CRM}, NEXT_VERSION: {"shop": now}}
    assert replay(given.history(), registers) == given.saga


def test_a_hold_that_was_placed_meanwhile_keeps_it_back():
    given = closed_with(kept_row(timedelta(days=40))).imposed().whatever()
    given.pass_time(days=40).expect("tell fulfilling").released().expect("ask erase@shop#2/1", "tell fulfilling")


def test_early_is_ignored_and_an_open_saga_has_nothing_due():
    closed = closed_with(kept_row(timedelta(days=40)))
    closed.happens(KeptPartDue(NOW, NOW)).expect_ignored()
    Given().received().whatever().planned(SHOP).whatever().happens(KeptPartDue(NOW, NOW)).expect_ignored()


@pytest.mark.parametrize("end", ["withdrawn", "shredded"])
def test_nothing_is_erased_for_a_request_that_ended_or_whose_key_is_gone(end):
    given = Given().received().whatever().planned(SHOP).whatever()
    given.acked("erase@shop", "retained", retained=(kept_row(timedelta(days=40)),)).whatever()
    if end == "withdrawn":
        given.withdrawn().whatever()
        given.acked("verify@shop", "retained", retained=(kept_row(timedelta(days=40)),)).whatever()
        given.pass_time(days=41).expect("shred")
    else:
        given.acked("verify@shop", "nothing_found").whatever().pass_time(days=31).expect("shred")
    given.pass_time(days=400).expect()


def test_alarms_do_not_ring_again_for_what_was_answered_long_ago():
    given = closed_with(kept_row(timedelta(days=400)))
    given.pass_time(days=400).expect("ask erase@shop#2/1", "tell fulfilling")
    given.pass_time(minutes=20).expect("ask erase@shop#2/2")
    assert given.saga.alerts == ()
