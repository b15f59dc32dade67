"""What the declarative connector makes of a vendor's answers, honest or not."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_processors.errors import CredentialMissing
from lethe_processors.http import ProfileUnsafe
from lethe_testkit.http_vendor import NADIA, NOW, PROFILE, Sink, Vendor, item, reply

BY_EMAIL = "GET /v1/customers/email=nadia.petrova%40mail.example"
DELETE = "DELETE /v1/customers/17"
JOB = "GET /v1/jobs/j1"
SEARCH = "GET /v1/search?query=nadia.petrova%40mail.example"
FOUND = reply(200, {"data": {"id": 17}})
STARTED = reply(202, {"job": "j1"})


def status(word: object) -> httpx.Response:
    return reply(200, {"status": word})


async def erase(answers: dict[str, object], **changes: Any) -> tuple[Answer, Vendor]:
    vendor = Vendor(answers)
    connector = vendor.connector(**changes)
    (answer,) = await connector.erase([item()])
    await connector.close()
    return answer, vendor


async def verify(answers: dict[str, object], **changes: Any) -> Answer:
    vendor = Vendor(answers)
    connector = vendor.connector(**changes)
    (answer,) = await connector.verify([item(verb=Verb.VERIFY)])
    await connector.close()
    return answer


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


async def test_a_session_that_a_vendor_opens_is_not_carried_to_the_next_person() -> None:
    _, vendor = await erase({BY_EMAIL: reply(200, {"data": {"id": 17}}, set_cookie="s=1"), DELETE: reply(404)})
    assert len(vendor.requests) == 2
    assert all("cookie" not in r.headers for r in vendor.requests)


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


async def test_absence_seen_by_another_path_is_the_best_evidence() -> None:
    answer = await verify({SEARCH: reply(200, {"results": []})})
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    assert answer.evidence


async def test_a_vendor_that_said_done_and_still_has_the_person_is_caught() -> None:
    answer = await verify({SEARCH: reply(200, {"results": [{"email": "Nadia.Petrova@Mail.Example"}]})})
    assert answer.outcome is Outcome.RESIDUAL
    assert [(c.collection, c.method, c.rows) for c in answer.counts] == [("customers", Method.FOUND, 1)]


async def test_other_people_in_a_search_result_are_not_the_person() -> None:
    answer = await verify({SEARCH: reply(200, {"results": [{"email": "nadia@mail.example"}, {"email": None}]})})
    assert answer.outcome is Outcome.NOTHING_FOUND


NONSENSE = [
    reply(202, {"results": []}),
    reply(204),
    reply(200, b""),
    reply(200, b"<html>maintenance</html>"),
    reply(200, {}),
    reply(200, {"results": None}),
    reply(200, {"results": {"email": "x"}}),
    reply(200, {"results": ["x"]}),
    reply(200, {"results": [{}]}),
    reply(200, {"results": [{"email": {"a": 1}}]}),
    reply(200, [[[]]]),
    reply(200, b"[" * 100_000),
    reply(200, b'{"results": []' + b" " * 6_000_000 + b"}"),
]


@pytest.mark.parametrize("answer", NONSENSE)
async def test_an_answer_of_another_shape_never_reads_as_absence(answer: httpx.Response) -> None:
    assert await verify({SEARCH: answer}) == Answer.transient("nonsense_answer")


@pytest.mark.parametrize(
    "body", [{}, {"data": {}}, {"data": {"id": None}}, {"data": {"id": []}}, {"data": {"id": True}}]
)
async def test_a_lookup_of_another_shape_never_reads_as_nobody(body: object) -> None:
    answer, _ = await erase({BY_EMAIL: reply(200, body)})
    assert answer == Answer.transient("nonsense_answer")


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (reply(500), Answer.transient("vendor_unavailable")),
        (reply(503), Answer.transient("rate_limited", retry_after=1.0)),
        (reply(503, retry_after="120"), Answer.transient("rate_limited", retry_after=120.0)),
        (reply(429, retry_after="Fri, 01 May 2026 00:00:30 GMT"), Answer.transient("rate_limited", retry_after=30.0)),
        (reply(429, retry_after="soon"), Answer.transient("rate_limited", retry_after=1.0)),
        (reply(429, retry_after="-5"), Answer.transient("rate_limited", retry_after=1.0)),
        (reply(408), Answer.transient("rate_limited")),
        (reply(401), Answer.permanent("credentials_refused")),
        (reply(403), Answer.permanent("credentials_refused")),
        (reply(302, location="https://elsewhere.example"), Answer.permanent("redirected")),
        (reply(418), Answer.permanent("status_418")),
        (httpx.ConnectError("x"), Answer.transient("vendor_unreachable")),
        (httpx.ReadTimeout("x"), Answer.transient("vendor_timeout")),
        (httpx.RemoteProtocolError("x"), Answer.transient("vendor_unreachable")),
    ],
)
async def test_trouble_has_a_code_and_says_whether_later_may_help(trouble: object, expected: Answer) -> None:
    answer, vendor = await erase({BY_EMAIL: trouble})
    assert answer == expected
    assert all("elsewhere" not in str(r.url) for r in vendor.requests)


async def test_a_short_wait_that_the_vendor_asks_for_is_waited_out() -> None:
    answer, vendor = await erase({BY_EMAIL: [reply(429, retry_after="2"), FOUND], DELETE: reply(404)})
    assert answer.outcome is Outcome.DONE
    assert vendor.time.slept == [2.0]


async def test_a_long_wait_spares_the_vendor_the_rest_of_the_batch() -> None:
    vendor = Vendor({BY_EMAIL: reply(429, retry_after="60")})
    connector = vendor.connector(parallel=1)
    answers = await connector.erase([item(name=f"p{n}") for n in range(20)])
    assert {a.failure.code for a in answers if a.failure} == {"rate_limited"}
    assert all(a.retry_after == 60 for a in answers)
    assert len(vendor.asked) == 1
    await connector.close()


async def test_the_rate_is_kept() -> None:
    vendor = Vendor({BY_EMAIL: reply(404)})
    connector = vendor.connector(rate={"per_second": 10})
    await connector.erase([item(name=f"p{n}") for n in range(30)])
    assert vendor.time.at >= 2.0 - 1e-6, "ten at once, twenty at ten a second"
    await connector.close()


async def test_a_silent_vendor_ends_the_batch_instead_of_item_by_item() -> None:
    vendor = Vendor({BY_EMAIL: httpx.ConnectTimeout("x")})
    connector = vendor.connector(parallel=1)
    answers = await connector.erase([item(name=f"p{n}") for n in range(20)])
    assert len(answers) == 20
    assert all(a.outcome is Outcome.FAILED for a in answers)
    assert len(vendor.asked) == 3
    await connector.close()


async def test_the_trouble_of_one_person_is_nobody_elses() -> None:
    people = [f"p{n}@x.example" for n in range(10)]
    answers: dict[str, object] = {f"GET /v1/customers/email=p{n}%40x.example": reply(404) for n in range(10)}
    answers["GET /v1/customers/email=p3%40x.example"] = reply(500)
    vendor = Vendor(answers)
    connector = vendor.connector()
    outcomes = await connector.erase([item({"email": (p,)}, name=p) for p in people])
    assert [a.outcome is Outcome.FAILED for a in outcomes] == [n == 3 for n in range(10)]
    await connector.close()


async def test_a_rotated_credential_is_picked_up() -> None:
    secrets = {"VENDOR_TOKEN": "old"}
    vendor = Vendor({BY_EMAIL: lambda r: reply(404 if r.headers["authorization"] == "Bearer new" else 401)})
    connector = vendor.connector(secrets=secrets)
    await connector.erase([item()])
    secrets["VENDOR_TOKEN"] = "new"
    (answer,) = await connector.erase([item()])
    assert answer.outcome is Outcome.NOTHING_FOUND
    await connector.close()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"scheme": "bearer", "token": "env:VENDOR_TOKEN"}, "authorization", "Bearer s3cret"),
        ({"scheme": "api_key_header", "header": "X-Api-Key", "key": "env:VENDOR_TOKEN"}, "x-api-key", "s3cret"),
        ({"scheme": "basic", "user": "me", "password": "env:VENDOR_PASSWORD"}, "authorization", "Basic bWU6cGE1NQ=="),
    ],
)
async def test_each_way_to_authenticate(auth: dict[str, str], header: str, value: str) -> None:
    _, vendor = await erase({BY_EMAIL: reply(404)}, auth=auth)
    assert vendor.requests[0].headers[header] == value


@pytest.mark.parametrize("address", ["../../admin", "a/b?x=1#y", "a&query=*", "%2e%2e", "ü@x.example"])
async def test_no_identifier_can_change_what_is_asked(address: str) -> None:
    vendor = Vendor({})
    connector = vendor.connector()
    await connector.erase([item({"email": (address,)})])
    await connector.verify([item({"email": (address,)})])
    for request, path in zip(vendor.requests, ["/api/v1/customers/", "/api/v1/search"], strict=True):
        assert request.url.path.startswith(path)
        assert request.url.raw_path.count(b"/") == path.count("/")
        assert not request.url.fragment
    assert dict(vendor.requests[1].url.params) == {"query": address}
    await connector.close()


async def test_an_id_that_would_step_up_is_refused() -> None:
    answer, vendor = await erase({BY_EMAIL: reply(200, {"data": {"id": ".."}})})
    assert answer == Answer.permanent("identifier_not_usable")
    assert vendor.asked == [BY_EMAIL]


async def test_plain_http_to_elsewhere_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ProfileUnsafe, match="plain_http"):
        await Vendor({}).connector(base_url="http://vendor.example").erase([item()])
    await erase({BY_EMAIL: reply(404)}, base_url="http://127.0.0.1:9/api")
    await erase({BY_EMAIL: reply(404)}, base_url="http://vendor.example/api", plain_http=True)


async def test_looking_and_exporting_use_the_credential_that_can_only_read() -> None:
    vendor = Vendor({SEARCH: reply(200, {"results": []}), BY_EMAIL: reply(404)})
    read_auth = {"scheme": "bearer", "token": "env:VENDOR_READ"}
    connector = vendor.connector(secrets={"VENDOR_READ": "reader"}, read_auth=read_auth)
    await connector.verify([item()])
    await connector.export([item()], Sink())
    assert {r.headers["authorization"] for r in vendor.requests} == {"Bearer reader"}
    with pytest.raises(CredentialMissing):
        await connector.erase([item()])
    await connector.close()


async def test_the_address_of_a_vendor_can_be_a_reference() -> None:
    vendor = Vendor({BY_EMAIL: reply(404)})
    secrets = {"VENDOR_TOKEN": "t", "VENDOR_URL": "https://vendor.example/api/"}
    connector = vendor.connector(secrets=secrets, base_url="env:VENDOR_URL")
    await connector.erase([item()])
    assert vendor.asked == [BY_EMAIL]
    await connector.close()


async def test_no_identifier_and_no_vendor_text_reaches_logs_or_answers(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    text = "Nadia Petrova lives in Example Street"
    answers: list[Answer] = []
    for trouble in (reply(400, text.encode()), reply(500, text.encode()), reply(200, text.encode())):
        answer, _ = await erase({BY_EMAIL: trouble})
        answers.append(answer)
        answers.append(await verify({SEARCH: trouble}))
    told = caplog.text + repr(answers)
    for part in (*NADIA["email"], "nadia", "petrova", "Example Street", "s3cret"):
        assert part.casefold() not in told.casefold()


async def test_an_export_holds_every_page_and_leaves_out_other_people() -> None:
    page = "https://vendor.example/api/v1/customers/17/tickets?page=2"
    ticket = {"id": 1, "text": "hello", "note": "calls twice", "agent": {"id": 5, "email": "agent@acme.example"}}
    vendor = Vendor(
        {
            BY_EMAIL: FOUND,
            "GET /v1/customers/17": reply(200, {"data": {"attributes": {"name": "Nadia"}}}),
            "GET /v1/customers/17/tickets": reply(200, {"data": [ticket], "links": {"next": page}}),
            "GET /v1/customers/17/tickets?page=2": reply(200, {"data": [{"id": 2, "text": "bye"}], "links": {}}),
        }
    )
    connector, sink = vendor.connector(), Sink()
    (answer,) = await connector.export([item(verb=Verb.EXPORT)], sink)
    assert answer.outcome is Outcome.DONE
    assert {c.collection: c.rows for c in answer.counts} == {"customers": 1, "tickets": 2}
    assert sink.rows == {
        "customers": [{"name": "Nadia"}],
        "tickets": [{"id": 1, "text": "hello", "agent": {"id": 5}}, {"id": 2, "text": "bye"}],
    }
    assert sink.hidden == [("tickets", ("agent.email", "note"), 1)]
    await connector.close()


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/api/x", "//elsewhere.example/", "/api/v1/customers/17/tickets?loop", 7.5, {}]
)
async def test_a_page_elsewhere_or_in_a_circle_is_not_followed(link: object) -> None:
    first = reply(200, {"data": [], "links": {"next": link}})
    vendor = Vendor(
        {
            BY_EMAIL: FOUND,
            "GET /v1/customers/17": reply(404),
            "GET /v1/customers/17/tickets": first,
            "GET /v1/customers/17/tickets?loop": first,
        }
    )
    connector = vendor.connector()
    (answer,) = await connector.export([item(verb=Verb.EXPORT)], Sink())
    assert answer == Answer.transient("nonsense_answer")
    assert {r.url.host for r in vendor.requests} == {"vendor.example"}
    assert len(vendor.requests) <= 5
    await connector.close()


@pytest.mark.parametrize(
    ("pages", "answers"),
    [
        (
            {"by": "cursor", "next": "$.cursor", "param": "after"},
            {"": {"rows": [{"n": 1}], "cursor": "c2"}, "?after=c2": {"rows": [{"n": 2}], "cursor": None}},
        ),
        (
            {"by": "offset", "param": "skip", "size": 2},
            {"?skip=0": {"rows": [{"n": 1}, {"n": 2}]}, "?skip=2": {"rows": [{"n": 3}]}},
        ),
    ],
)
async def test_pages_by_cursor_and_offset(pages: object, answers: dict[str, object]) -> None:
    vendor = Vendor({f"GET /v1/by/C-100042{query}": reply(200, body) for query, body in answers.items()})
    read = {"GET": "/v1/by/{customer_id}", "each": "$.rows[*]", "pages": pages, "collection": "rows"}
    connector, sink = vendor.connector(export={"collections": [read]}), Sink()
    (answer,) = await connector.export([item(verb=Verb.EXPORT)], sink)
    assert answer.outcome is Outcome.DONE
    assert [row["n"] for row in sink.rows["rows"]] == list(range(1, len(sink.rows["rows"]) + 1))
    assert len(vendor.asked) == 2
    await connector.close()


async def test_of_a_person_without_data_the_export_finds_nothing() -> None:
    vendor = Vendor({BY_EMAIL: reply(404)})
    connector = vendor.connector()
    (answer,) = await connector.export([item(verb=Verb.EXPORT)], Sink())
    assert (answer.outcome, answer.grade) == (Outcome.NOTHING_FOUND, Grade.CONFIRMED_BY_API)
    await connector.close()


async def test_a_verb_that_the_profile_does_not_describe_needs_a_person() -> None:
    connector = Vendor({}).connector(verify=None, export=None)
    assert await connector.verify([item()]) == [Answer.permanent("verb_not_described")]
    assert await connector.export([item()], Sink()) == [Answer.permanent("verb_not_described")]
    await connector.close()
