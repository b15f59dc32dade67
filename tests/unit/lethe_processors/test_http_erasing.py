"""What erasing makes of a vendor's answers: never more than the vendor said."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from lethe_events.words import Grade, Method, Outcome
from lethe_processors.connector import Answer
from lethe_testkit.http_vendor import (
    BY_EMAIL,
    DELETE,
    FOUND,
    JOB,
    NOW,
    PROFILE,
    STARTED,
    Vendor,
    erase,
    item,
    reply,
    status,
)


async def test_a_job_that_ends_soon_is_done() -> None:
    answer, vendor = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: [status("queued"), status("completed")]})
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert [(c.collection, c.method, c.rows) for c in answer.counts] == [("customers", Method.ERASED, 1)]
    assert vendor.asked == [BY_EMAIL, DELETE, JOB, JOB]


async def test_a_job_that_takes_long_is_accepted_and_owed_by_a_date() -> None:
    answer, vendor = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: status("queued")})
    assert answer.outcome is Outcome.ACCEPTED
    assert answer.expected_by == NOW + timedelta(days=30)
    assert vendor.asked.count(JOB) == 4, "at once, then every second for three"


@pytest.mark.parametrize("word", ["Completed", "finished_maybe", "", None, 7, {"completed": True}])
async def test_an_unknown_status_is_still_running_never_done(word: object) -> None:
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: status(word)})
    assert answer.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("failed", Answer.transient("vendor_job_failed")),
        ("partly", Answer(Outcome.NEEDS_PERSON)),
    ],
)
async def test_a_job_that_did_not_do_it_is_not_done(word: str, expected: Answer) -> None:
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: status(word)})
    assert (answer.outcome, answer.failure) == (expected.outcome, expected.failure)


async def test_a_job_that_the_vendor_does_not_know_any_more_is_not_done() -> None:
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: reply(404)})
    assert answer == Answer.transient("vendor_job_lost")


@pytest.mark.parametrize("trouble", [reply(500), reply(200, b"<html>"), httpx.ReadTimeout("x"), reply(200, [])])
async def test_trouble_while_polling_does_not_submit_again(trouble: object) -> None:
    answer, vendor = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: trouble})
    assert answer.outcome is Outcome.ACCEPTED
    assert vendor.asked.count(DELETE) == 1


async def test_done_in_one_of_two_applications_is_not_done() -> None:
    poll = {"GET": "/v1/jobs/{job}", "status": "$.apps[*].state", "map": {"done": ["complete"]}, "within": "PT0S"}
    steps = [*PROFILE["erase"]["steps"][:2], {"poll": poll}]  # type: ignore[index]
    body = {"apps": [{"state": "complete"}, {"state": "started"}]}
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: reply(200, body)}, erase={"steps": steps})
    assert answer.outcome is Outcome.ACCEPTED
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: STARTED, JOB: reply(200, {"apps": []})}, erase={"steps": steps})
    assert answer.outcome is Outcome.ACCEPTED, "nothing is not everything"


async def test_whom_the_vendor_does_not_know_there_is_nothing_to_erase_of() -> None:
    answer, vendor = await erase({BY_EMAIL: reply(404)})
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
    assert vendor.asked == [BY_EMAIL]


async def test_without_a_known_identity_nobody_is_asked_and_nothing_is_claimed() -> None:
    vendor = Vendor({})
    connector = vendor.connector()
    for answers in (
        await connector.erase([item({"phone_number": ("+4915550100042",)})]),
        await connector.verify([item({"phone_number": ("+4915550100042",)})]),
    ):
        assert (answers[0].outcome, answers[0].grade) == (Outcome.NOTHING_FOUND, Grade.ATTESTED)
    assert vendor.asked == []
    await connector.close()


async def test_every_address_of_a_person_is_asked_and_each_account_erased_once() -> None:
    vendor = Vendor(
        {
            "GET /v1/customers/email=a%40x.example": FOUND,
            "GET /v1/customers/email=b%40x.example": FOUND,
            "GET /v1/customers/email=c%40x.example": reply(200, {"data": {"id": "18"}}),
            DELETE: reply(204),
            "DELETE /v1/customers/18": reply(404),
        }
    )
    connector = vendor.connector(erase={"steps": PROFILE["erase"]["steps"][:2]})  # type: ignore[index]
    (answer,) = await connector.erase([item({"email": ("a@x.example", "b@x.example", "c@x.example")})])
    assert answer.outcome is Outcome.DONE
    assert vendor.asked[3:] == [DELETE, "DELETE /v1/customers/18"]
    await connector.close()


@pytest.mark.parametrize("gone", [404, 410])
async def test_gone_already_is_done(gone: int) -> None:
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: reply(gone)})
    assert answer.outcome is Outcome.DONE


async def test_a_submit_that_an_earlier_try_made_counts_as_made() -> None:
    answer, vendor = await erase({BY_EMAIL: FOUND, DELETE: reply(409, {"job": "j1"}), JOB: status("completed")})
    assert answer.outcome is Outcome.DONE, "the job of the first try is found again"
    assert JOB in vendor.asked
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: reply(409, {"error": "in progress"})})
    assert answer.outcome is Outcome.ACCEPTED


async def test_only_the_refusal_that_means_asked_before_does() -> None:
    already = [{"status": 400, "at": "$.error", "equals": "exists"}]
    steps = [PROFILE["erase"]["steps"][0], {"submit": {"DELETE": "/v1/customers/{id}", "already": already}}]  # type: ignore[index]
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: reply(400, {"error": "exists"})}, erase={"steps": steps})
    assert answer.outcome is Outcome.ACCEPTED
    answer, _ = await erase({BY_EMAIL: FOUND, DELETE: reply(400, {"error": "bad"})}, erase={"steps": steps})
    assert answer == Answer.permanent("status_400")


async def test_the_second_deletion_decides_where_a_vendor_deletes_in_two_steps() -> None:
    submits = [{"submit": {"DELETE": "/v1/customers/{id}"}}, {"submit": {"DELETE": "/v1/deleted_customers/{id}"}}]
    steps = [PROFILE["erase"]["steps"][0], *submits]  # type: ignore[index]
    second = "DELETE /v1/deleted_customers/17"
    for said, outcome in ((202, Outcome.ACCEPTED), (204, Outcome.DONE), (404, Outcome.DONE)):
        answer, _ = await erase({BY_EMAIL: FOUND, DELETE: reply(404), second: reply(said)}, erase={"steps": steps})
        assert answer.outcome is outcome


async def test_a_repeated_submit_carries_the_same_idempotency_key() -> None:
    keys = []
    for _ in range(2):
        _, vendor = await erase({BY_EMAIL: FOUND, DELETE: reply(204)}, idempotency_header="Idempotency-Key")
        keys.append(next(r for r in vendor.requests if r.method == "DELETE").headers["idempotency-key"])
    assert keys[0] == keys[1]


async def test_a_vendor_without_lookup_is_given_the_identifier_itself() -> None:
    submit = {"POST": "/v1/regulations", "json": {"type": "SUPPRESS_WITH_DELETE", "ids": ["{customer_id}"]}}
    answer, vendor = await erase(
        {"POST /v1/regulations": reply(202)}, erase={"steps": [{"submit": submit}]}, export=None
    )
    assert answer.outcome is Outcome.ACCEPTED
    assert vendor.requests[0].content == b'{"type": "SUPPRESS_WITH_DELETE", "ids": ["C-100042"]}'
