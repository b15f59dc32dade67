"""Holds of the whole controller: by category they are erased around, and lifting resumes, after closing too."""

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from lethe_events.words import Right, Verb
from lethe_testkit.sagas import KEPT, NOW, VERSION, Given, rules
from orchestrator.domain.certificate import certificate
from orchestrator.domain.decision import AskProcessor
from orchestrator.domain.holding import touches, withheld_from
from orchestrator.domain.replay import replay
from orchestrator.domain.resume import resume
from orchestrator.domain.rules import Reach, Unverifiable

SHOP, CRM = rules("shop", categories=("user.contact", "user.financial")), rules("crm", categories=("user.contact",))
VENDOR = rules("vendor", reach=Reach.HTTP, categories=("user.contact.email",))
REGISTER = {VERSION: {p.processor_id: p for p in (SHOP, CRM, VENDOR)}}


def planned(*processors):
    return Given().received().whatever().planned(*(processors or (SHOP, CRM))).whatever()


def withheld(given, name):
    return withheld_from(given.saga.beside, given.task(name))


def erased_around(given, *names, outcome="retained"):
    for name in names:
        given.acked(f"erase@{name}", outcome).whatever().acked(f"verify@{name}", outcome).whatever()
    return given


def document(given):
    return certificate(given.saga, links=len(given.links), head=given.links[-1].hash)


def test_a_hold_on_a_category_is_erased_around_and_the_look_knows_it_too():
    given = Given().received().whatever().imposed("user.financial").expect("tell received").planned(SHOP, CRM)
    given.expect("ask erase@shop#1/1", "ask erase@crm#1/1", "tell fulfilling")
    assert withheld(given, "erase@shop") == withheld(given, "verify@shop") == ("user.financial",)
    assert withheld(given, "erase@crm") == ()


def test_a_processor_that_cannot_erase_around_it_is_stopped_only_where_it_holds_the_category():
    given = Given().received().whatever().imposed("user.contact").whatever().planned(VENDOR, CRM)
    given.expect("ask erase@crm#1/1", "tell fulfilling")
    assert given.status("erase@vendor") == "on_hold"
    given = Given().received().whatever().imposed("user.financial").whatever().planned(VENDOR)
    given.expect("ask erase@vendor#1/1", "tell fulfilling")


def test_lifting_erases_what_was_withheld_and_nothing_else_again():
    given = erased_around(planned_under("user.financial"), "shop")
    given.released().expect("ask erase@shop#2/1", "tell fulfilling")
    assert withheld(given, "erase@shop#2") == ()
    assert "erase@crm#2" not in {t.name for t in given.saga.tasks.values()}


def planned_under(*categories, processors=(SHOP, CRM)):
    return Given().received().whatever().imposed(*categories).whatever().planned(*processors).whatever()


def test_a_saga_that_closed_in_part_because_of_a_hold_goes_on_when_it_is_lifted():
    given = erased_around(planned_under("user.financial", processors=(SHOP,)), "shop").expect_state("closed")
    first = document(given)
    assert (first["result"], first["holds"][0]["categories"]) == ("partially_granted", ["user.financial"])
    given.pass_time(days=400).expect()
    given.released().expect("ask erase@shop#2/1", "tell fulfilling").acked("erase@shop#2", "done")
    given.expect("ask verify@shop#2/1").acked("verify@shop#2", "nothing_found").expect("tell closed")
    last = document(given)
    assert (last["result"], last["kept"], [r["why"] for r in last["reopened"]]) == ("granted", [], ["hold_lifted"])
    assert given.saga.answered_at == NOW, "the answer to the person was that of the first closing"
    given.pass_time(days=31).expect("shred")
    assert replay(given.history(), REGISTER) == given.saga


def test_the_key_lasts_as_long_as_the_hold_and_then_goes():
    given = erased_around(planned_under("user.financial", processors=(SHOP,)), "shop")
    given.pass_time(days=4000).expect().expect_state("closed")
    given.imposed(n=2).expect("tell closed").pass_time(days=40).expect()


def test_two_holds_on_a_category_both_have_to_be_lifted():
    given = Given().received().whatever().imposed("user").whatever().imposed("user.financial", n=2).whatever()
    given = erased_around(given.planned(SHOP).whatever(), "shop").expect_state("closed")
    given.released(1).expect("ask erase@shop#2/1", "tell fulfilling")
    assert withheld(given, "erase@shop#2") == ("user.financial",)
    erased_around(given, "shop#2", outcome="retained").expect_state("closed")
    given.released(2).expect("ask erase@shop#3/1", "tell fulfilling")


def erased_names(given):
    return {t.name for t in given.saga.tasks.values() if t.verb is Verb.ERASE}


def test_an_erasure_done_without_sparing_what_is_held_since_raises_an_incident():
    given = planned(SHOP).imposed("user.financial").expect("tell fulfilling")
    assert resume(given.saga) == (), "asked without sparing it: not to be said again"
    given.acked("erase@shop", "done")
    assert [i.code for i in given.decision.opened] == ["erased_under_hold"]
    given = planned_under("user.financial", processors=(SHOP,)).acked("erase@shop", "retained")
    assert given.decision.opened == ()


def test_what_is_asked_again_under_a_new_hold_spares_it():
    given = planned(SHOP).acked("erase@shop", "transient").whatever().imposed("user.financial").whatever()
    given.pass_time(hours=1).expect("ask erase@shop#1/2")
    assert withheld(given, "erase@shop") == ("user.financial",)
    assert len(resume(given.saga)) == 1


def test_lifting_while_it_erases_adds_a_round_when_that_one_is_over():
    given = planned_under("user.financial", processors=(SHOP,)).released().expect("tell fulfilling")
    given.acked("erase@shop", "retained").expect("ask verify@shop#1/1")
    given.acked("verify@shop", "retained").expect("ask erase@shop#2/1").expect_state("fulfilling")


def test_a_processor_that_nobody_can_look_at_is_erased_again_without_a_look():
    post = rules("post", unverifiable=Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api"))
    given = planned_under("user", processors=(post,)).acked("erase@post", "retained").expect("tell closed")
    given.released().expect("ask erase@post#2/1", "tell fulfilling").acked("erase@post#2", "done").expect("tell closed")


def test_a_whole_hold_after_a_category_hold_keeps_the_second_round_back():
    given = planned_under("user", processors=(SHOP,)).imposed(n=2).whatever()
    erased_around(given, "shop").released(1)
    assert erased_names(given) == {"erase@shop#1"}
    given.whatever().released(2).expect("ask erase@shop#2/1", "tell fulfilling")


def test_a_request_that_ended_is_not_opened_anew():
    given = planned_under("user", processors=(SHOP,)).acked("erase@shop", "retained").whatever()
    given.withdrawn().whatever()
    if given.saga.closed_at is None:
        given.acked("verify@shop", "retained").whatever()
    given.expect_state("closed").released().expect().expect_state("closed")


def test_a_hold_comes_once_and_goes_once():
    given = planned().imposed("user").whatever().imposed("user").expect_ignored()
    given.released().whatever().released().expect_ignored()
    planned().released(9).expect_ignored()


def test_it_is_lifted_where_it_was_placed():
    planned().imposed().whatever().lifting().expect_rejected("standing")


def test_a_copy_is_not_held():
    Given().received(Right.ACCESS).whatever().imposed().expect_ignored()


def test_a_processor_that_joins_later_does_not_join_what_was_opened_anew():
    given = erased_around(planned_under("user", processors=(SHOP,)), "shop").released().whatever()
    given.joined(rules("new", register_version="b" * 64)).expect_ignored()


@pytest.mark.parametrize(
    ("held", "holds", "expected"),
    [
        (("user.contact",), ("user.contact.email",), True),  # a part of what is held
        (("user.contact.email",), ("user.contact",), True),  # what is held is a part
        (("user.contact",), ("user.contacts",), False),  # a name that begins alike
        (("user.financial",), (), True),  # nobody knows what it holds
        (("user.financial",), ("user.contact",), False),
    ],
)
def test_a_category_covers_its_parts(held, holds, expected):
    assert touches(held, holds) is expected


@settings(max_examples=60, deadline=None)
@drawn(
    st.lists(st.sampled_from(["impose1", "impose2", "release1", "release2", "erase", "verify", "time"]), max_size=14)
)
def test_whatever_the_order_nothing_held_is_asked_and_nothing_lifted_is_left(acts):
    given = planned(SHOP)
    for act in acts:
        happen(given, act)
        for name in asked(given):
            assert held_now(given) <= set(withheld(given, name))
        given.whatever()
    for n in (1, 2):
        given.released(n).whatever()
    for _ in range(8):
        for task in list(given.saga.tasks.values()):
            if task.attempt > task.answered and given.saga.state != "closed":
                given.acked(task.name, "nothing_found").whatever()
    given.expect_state("closed")
    newest = max((t for t in given.saga.tasks.values() if t.verb is Verb.ERASE), key=lambda t: t.round)
    assert withheld(given, newest.name) == ()
    assert replay(given.history(), REGISTER) == given.saga


def happen(given, act):
    n = int(act[-1]) if act[-1].isdigit() else 0
    if act == "time":
        given.pass_time(minutes=20)
    elif act.startswith("impose"):
        given.imposed(("user.financial", "user.contact")[n - 1], n=n)
    elif act.startswith("release"):
        given.released(n)
    else:
        name = f"{act}@shop#{max(t.round for t in given.saga.tasks.values())}"
        if given.saga.state != "closed" and given.task(name).attempt:
            kept = {"retained": (KEPT,)} if withheld(given, name) else {}
            given.acked(name, "retained" if kept else "nothing_found", **kept)


def held_now(given):
    beside = given.saga.beside
    return set() if beside is None else {c for h in beside.holds if h.in_force for c in h.categories}


def asked(given):
    commands = [c for c in given.decision.commands if isinstance(c, AskProcessor)]
    return [c.task.name for c in commands if c.task.verb is Verb.ERASE]
