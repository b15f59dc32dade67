"""Access, and processors that join while a saga is open."""

from lethe_events.words import Right
from lethe_testkit.sagas import NEXT_VERSION, PART, Given, rules
from orchestrator.domain.closing import result
from orchestrator.domain.decision import AskProcessor

SHOP, CRM = rules("shop"), rules("crm", after=("shop",))


def started(*processors, right=Right.ACCESS, **more):
    return Given().received(right, **more).expect().planned(*processors).whatever()


def test_an_access_saga_closes_with_its_package():
    given = Given().received(Right.ACCESS).expect().planned(SHOP, CRM)
    given.expect("ask export@shop#1/1", "ask export@crm#1/1", "tell fulfilling")
    given.acked("export@shop", "done").expect()
    given.acked("export@crm", "nothing_found").expect("ask package@lethe-package#1/1")
    given.acked("package@lethe-package", "done").expect("tell closed")
    assert given.saga.answered_at == given.saga.closed_at == given.now
    assert result(given.saga) == "granted"


def test_the_package_is_told_which_parts_belong_into_it():
    given = started(SHOP, CRM).acked("export@shop", "done").whatever().acked("export@crm", "nothing_found")
    (asked,) = [c for c in given.decision.commands if isinstance(c, AskProcessor)]
    assert [(p.processor_id, p.part) for p in asked.parts] == [("crm", None), ("shop", PART)]


def test_where_nothing_was_found_the_person_is_told_so():
    given = started(SHOP).acked("export@shop", "nothing_found").whatever()
    given.acked("package@lethe-package", "nothing_found").expect("tell closed")
    assert result(given.saga) == "nothing_found"


def test_an_excepted_export_leaves_a_partial_answer_without_its_part():
    given = started(SHOP, CRM).acked("export@shop", "done").whatever()
    given.proposed("export@crm").expect().approved("export@crm").expect("ask package@lethe-package#1/1")
    assert [p.part for p in given.decision.commands[0].parts] == [None, PART]
    given.acked("package@lethe-package", "done").expect("tell closed")
    assert result(given.saga) == "partially_granted"


def test_what_comes_although_its_export_was_excepted_stays_out_of_the_package():
    given = started(SHOP, CRM).proposed("export@crm").whatever().approved("export@crm").whatever()
    given.acked("export@crm", "done").expect()
    given.acked("export@shop", "done").expect("ask package@lethe-package#1/1")
    assert [p.part for p in given.decision.commands[0].parts] == [None, PART]


def test_a_promised_export_is_asked_for_again_when_it_is_due():
    given = started(SHOP)
    given.acked("export@shop", "accepted", expected_by=given.now.replace(hour=12)).expect().expect_state("fulfilling")
    given.pass_time(hours=2).expect("ask export@shop#1/2")
    given.acked("export@shop", "done").expect("ask package@lethe-package#1/1")


class TestJoining:
    NEW = rules("new", register_version=NEXT_VERSION)

    def test_a_processor_registered_while_the_saga_is_open_joins_its_scope(self):
        given = started(SHOP, right=Right.ERASURE)
        given.acked("erase@shop", "done").expect("ask verify@shop#1/1").expect_state("verifying")
        given.joined(self.NEW).expect("ask erase@new#1/1").expect_state("fulfilling")
        given.acked("verify@shop", "nothing_found").expect()
        given.acked("erase@new", "done").expect("ask verify@new#1/1")
        given.acked("verify@new", "nothing_found").expect("tell closed")

    def test_joining_twice_asks_once(self):
        started(SHOP, right=Right.ERASURE).joined(self.NEW).whatever().joined(self.NEW).expect_ignored()

    def test_a_closed_saga_is_joined_by_nobody(self):
        given = started(SHOP).acked("export@shop", "nothing_found").whatever()
        given.acked("package@lethe-package", "nothing_found").whatever().joined(self.NEW).expect_ignored()

    def test_a_package_that_waits_waits_for_the_newcomer_too(self):
        given = started(SHOP).joined(self.NEW).expect("ask export@new#1/1")
        given.acked("export@shop", "done").expect()
        given.acked("export@new", "done").expect("ask package@lethe-package#1/1")

    def test_a_package_under_way_is_made_anew_with_the_newcomers_part(self):
        given = started(SHOP).acked("export@shop", "done").expect("ask package@lethe-package#1/1")
        given.joined(self.NEW).expect("ask export@new#1/1")
        given.acked("package@lethe-package", "done").expect_ignored()
        given.acked("export@new", "done").expect("ask package@lethe-package#2/1")
        given.acked("package@lethe-package#2", "done").expect("tell closed")

    def test_erasing_waits_for_the_package_that_holds_the_newcomers_part(self):
        given = started(SHOP, right=Right.ERASURE, export_first=True)
        given.acked("export@shop", "done").expect("ask package@lethe-package#1/1")
        given.joined(self.NEW).expect("ask export@new#1/1")
        given.acked("package@lethe-package", "done").expect_ignored()
        given.acked("export@new", "done").expect("ask package@lethe-package#2/1")
        given.acked("package@lethe-package#2", "done")
        given.expect("ask erase@shop#1/1", "ask erase@new#1/1", "tell fulfilling")

    def test_a_newcomer_after_the_package_is_exported_and_packaged_before_it_is_erased(self):
        given = started(SHOP, right=Right.ERASURE, export_first=True).acked("export@shop", "done").whatever()
        given.acked("package@lethe-package", "done").expect("ask erase@shop#1/1", "tell fulfilling")
        given.joined(self.NEW).expect("ask export@new#1/1")
        given.acked("export@new", "done").expect("ask package@lethe-package#2/1")
        given.acked("package@lethe-package#2", "done").expect("ask erase@new#1/1", "tell fulfilling")

    def test_a_newcomer_keeps_the_order_of_the_register(self):
        given = started(SHOP, right=Right.ERASURE)
        given.joined(rules("crm", after=("shop",), register_version=NEXT_VERSION)).expect()
        given.acked("erase@shop", "done").expect("ask verify@shop#1/1", "ask erase@crm#1/1")
