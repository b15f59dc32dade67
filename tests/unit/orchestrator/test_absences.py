"""What a status tells of an erasure that was verified, for those who keep a record of who was where."""

from lethe_events.words import Right
from lethe_testkit.sagas import Given, rules
from orchestrator.application.absences import absences
from orchestrator.application.messages import status_of

SHOP, CRM = rules("shop"), rules("crm")


def started(*processors, **more):
    given = Given().received(**more).expect()
    given.planned(*processors)
    return given.whatever()


def test_a_closed_erasure_tells_where_it_was_verified_and_whether_anything_had_been_there():
    given = started(SHOP, CRM)
    given.acked("erase@shop", "done").whatever().acked("erase@crm", "nothing_found").whatever()
    given.acked("verify@shop", "residual").whatever().acked("erase@shop#2", "done").whatever()
    given.acked("verify@crm", "nothing_found").whatever()
    assert absences(given.saga) == (), "an open saga tells nothing yet"
    given.acked("verify@shop#2", "nothing_found").whatever()
    told = {a.processor_id: a for a in status_of(given.saga, None, given.now).absent}
    assert set(told) == {"shop", "crm"}
    assert (told["shop"].erased, told["crm"].erased) == (True, False)
    assert told["shop"].at == given.task("verify@shop#2").answer.at


def test_what_the_law_keeps_and_what_was_only_read_is_not_told_as_absent():
    given = started(SHOP)
    given.acked("erase@shop", "retained").whatever().acked("verify@shop", "retained").whatever()
    assert absences(given.saga) == ()
    read = started(SHOP, right=Right.ACCESS)
    read.acked("export@shop", "nothing_found").whatever()
    assert absences(read.saga) == ()
