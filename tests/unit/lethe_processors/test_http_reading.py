"""Looking again and exporting: a changed shape is not absence, and other people are not the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_processors.errors import CredentialMissing
from lethe_testkit.http_vendor import (
    BY_EMAIL,
    FOUND,
    SEARCH,
    Sink,
    Vendor,
    erase,
    item,
    reply,
    verify,
)

if TYPE_CHECKING:
    import httpx

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


@pytest.mark.parametrize("answer", NONSENSE)
async def test_an_answer_of_another_shape_never_reads_as_absence(answer: httpx.Response) -> None:
    assert await verify({SEARCH: answer}) == Answer.transient("nonsense_answer")


@pytest.mark.parametrize(
    "body", [{}, {"data": {}}, {"data": {"id": None}}, {"data": {"id": []}}, {"data": {"id": True}}]
)
async def test_a_lookup_of_another_shape_never_reads_as_nobody(body: object) -> None:
    answer, _ = await erase({BY_EMAIL: reply(200, body)})
    assert answer == Answer.transient("nonsense_answer")


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
