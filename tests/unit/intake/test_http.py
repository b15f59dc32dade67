"""The API without engines: what is refused, how, and that nothing was changed by it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from intake.domain.overload import Load
from intake.entrypoints.document import openapi_document
from lethe_events import decode
from lethe_testkit.intake_offline import GOOD, Site, offline_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with offline_site() as made:
        yield made


def problem(response: httpx.Response, status: int, type_: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:lethe:problem:{type_}"
    assert "mina" not in response.text.lower()
    return body


async def test_an_accepted_request_is_stored_sealed_and_told_with_its_deadline(site: Site) -> None:
    response = await site.post()
    assert response.status_code == 202
    body = response.json()
    assert body == {
        "dsr_id": body["dsr_id"],
        "status": "received",
        "due_strict": "2026-12-23T23:00:00Z",
        "due_legal": "2026-12-23T23:00:00Z",
        "due_date": "2026-12-23",
        "rule": "gdpr.art12_3",
        "links": {"self": f"/v1/dsrs/{body['dsr_id']}", "package": f"/v1/dsrs/{body['dsr_id']}/package"},
    }
    assert response.headers["location"] == body["links"]["self"]
    (sealed,) = site.shelf.sealed
    assert sealed.identifiers.values == {"email": ("mina@people.example",), "phone_number": ("+4930901820",)}
    (record,) = site.shelf.sent
    received = decode(record.headers, record.value)
    assert record.topic == "dsr.requests"
    assert record.key.decode() == body["dsr_id"]
    assert b"mina" not in record.value + repr(record.headers).encode()
    assert received.body.identifier_kinds == ("email", "phone_number")


async def test_the_callers_trace_goes_on_into_the_message(site: Site) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await site.post(headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    envelope = decode(site.shelf.sent[0].headers, site.shelf.sent[0].value).envelope
    assert envelope.traceparent is not None
    assert envelope.traceparent[3:35] == trace


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"right": "forgiveness"}, "right", "use one of access, "),
    ({"right": None}, "right", "use one of access, "),
    ({"identifiers": {}}, "identifiers", "at least one identifier"),
    ({"identifiers": {"email": []}}, "identifiers.email", "at least 1"),
    ({"identifiers": {"email": ["mina"]}}, "identifiers.email[0]", "name@domain"),
    ({"identifiers": {"email": ["mina@people.example", 5]}}, "identifiers.email[1]", "string"),
    ({"identifiers": {"phone_number": ["12345678901234567890"]}}, "identifiers.phone_number[0]", "country code"),
    ({"identifiers": {"E-Mail of Mina": ["mina@people.example"]}}, "identifiers.(unreadable name)", "match"),
    ({"identifiers": {"email": ["mina@people.example"] * 17}}, "identifiers.email", "at most 16"),
    ({"identifiers": "mina@people.example"}, "identifiers", "object"),
    ({"received_at": "2026-11-23T10:16:00+01:00"}, "received_at", "reached the controller"),
    ({"received_at": "2026-11-23T10:15:00"}, "received_at", "2026-11-23T10:15:00+01:00"),
    ({"received_at": "yesterday"}, "received_at", "RFC 3339"),
    ({"country": "ZZ"}, "country", "use one of AT, BE"),
    ({"channel": "telepathy"}, "channel", "'web_form'"),
    ({"controller_id": "Acme GmbH"}, "controller_id", "match"),
    ({"right": "access", "export_first": True}, "export_first", "leave it out"),
    ({"export_first": "maybe"}, "export_first", "true or false"),
    ({"identity": {}}, "identity.method", "add it"),
    ({"identity": {"method": "controller_session", "passport": "x"}}, "identity.passport", "remove it"),
    ({"note": "x" * 4001}, "note", "at most 4000"),
    ({"exports_first": True}, "exports_first", "spelt"),
]


@pytest.mark.parametrize(("change", "field", "fix"), WRONG, ids=[f"{w[1]}-{n}" for n, w in enumerate(WRONG)])
async def test_each_bad_input_names_field_and_fix_and_changes_nothing(
    site: Site, change: dict[str, Any], field: str, fix: str
) -> None:
    body = problem(await site.post(GOOD | change), 422, "invalid_content")
    (error,) = body["errors"]
    assert error["field"] == field
    assert fix in error["fix"]
    assert not site.shelf.rows
    assert not site.shelf.sealed
    assert not site.shelf.sent


@pytest.mark.parametrize("missing", ["controller_id", "right", "identifiers", "channel", "identity"])
async def test_a_missing_field_is_named(site: Site, missing: str) -> None:
    body = problem(await site.post({k: v for k, v in GOOD.items() if k != missing}), 422, "invalid_content")
    assert body["errors"] == [{"field": missing, "message": "is missing", "fix": "add it"}]


async def test_a_controller_of_the_token_that_nobody_configured_is_told(site: Site) -> None:
    body = problem(await site.post(GOOD | {"controller_id": "ghost"}, token="ghost/dsr:write"), 422, "invalid_content")
    assert body["errors"][0]["field"] == "controller_id"


async def test_a_foreign_controller_is_refused_alike_whether_or_not_it_exists(site: Site) -> None:
    answers = [await site.post(GOOD | {"controller_id": c}) for c in ("beta", "ghost")]
    first, second = [problem(a, 403, "foreign_controller") for a in answers]
    assert {**first, "trace_id": ""} == {**second, "trace_id": ""}
    assert not site.shelf.rows


@pytest.mark.parametrize(
    ("arguments", "status", "type_"),
    [
        ({"token": None}, 401, "token_missing"),
        ({"token": "nonsense"}, 401, "token_invalid"),
        ({"token": "acme/dsr:read"}, 403, "insufficient_scope"),
        ({"key": None}, 400, "idempotency_key_missing"),
        ({"key": ""}, 422, "invalid_content"),
        ({"key": "with blank"}, 422, "invalid_content"),
        ({"key": "x" * 201}, 422, "invalid_content"),
        ({"body": b"{"}, 400, "malformed_json"),
        ({"body": b""}, 400, "malformed_json"),
        ({"body": b'{"controller_id": "\xff"}'}, 400, "malformed_json"),
        ({"body": []}, 422, "invalid_content"),
        ({"body": GOOD | {"note": "x" * 70_000}}, 413, "too_large"),
        ({"headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
    ],
)
async def test_everything_else_that_can_be_wrong_is_a_problem_too(
    site: Site, arguments: dict[str, Any], status: int, type_: str
) -> None:
    body = problem(await site.post(**arguments), status, type_)
    if "key" in arguments:
        assert "UUID" in body["errors"][0]["fix"]
    assert not site.shelf.rows


async def test_the_same_request_with_the_same_key_gets_the_same_answer(site: Site) -> None:
    first = await site.post()
    again = await site.post(
        {**GOOD, "identifiers": {"phone_number": ["+49 30 901820"], "email": ["mina@people.example"]}}
    )
    assert again.status_code == 202
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(site.shelf.rows) == len(site.shelf.sealed) == len(site.shelf.sent) == 1


async def test_another_request_with_the_same_key_is_a_conflict(site: Site) -> None:
    await site.post()
    problem(await site.post(GOOD | {"right": "access"}), 409, "idempotency_key_reused")
    assert len(site.shelf.rows) == 1


async def test_two_controllers_may_use_the_same_key(site: Site) -> None:
    assert (await site.post()).status_code == 202
    assert (await site.post(GOOD | {"controller_id": "beta"}, token="beta/dsr:write")).status_code == 202
    assert len(site.shelf.rows) == 2


async def test_same_keys_inside_one_group_are_told_apart_from_other_requests(site: Site) -> None:
    other = GOOD | {"right": "access"}
    calls = [site.post(), site.post(), site.post(other), site.post(key="k2"), site.post(other, key="k3"), site.post()]
    answers = await asyncio.gather(*calls)
    assert [a.status_code for a in answers] == [202, 202, 409, 202, 202, 202]
    assert answers[0].content == answers[1].content == answers[5].content
    assert len({a.json().get("dsr_id") for a in answers if a.status_code == 202}) == 3
    assert len(site.shelf.rows) == len(site.shelf.sealed) == len(site.shelf.sent) == 3
    assert len(site.shelf.groups) < 6


async def test_of_two_requests_with_one_key_in_a_group_the_first_is_the_one(site: Site) -> None:
    answers = await asyncio.gather(site.post(), site.post(GOOD | {"right": "access"}))
    assert [a.status_code for a in answers] == [202, 409]


async def test_a_repeat_in_a_group_with_new_requests_is_not_sealed_again(site: Site) -> None:
    first = await site.post()
    answers = await asyncio.gather(site.post(), site.post(key="k2"), site.post(key="k3"))
    assert [a.status_code for a in answers] == [202, 202, 202]
    assert answers[0].content == first.content
    assert max(site.shelf.groups) == 3
    assert len({s.dsr_id for s in site.shelf.sealed}) == len(site.shelf.sealed) == len(site.shelf.sent) == 3


async def test_an_engine_that_is_down_gives_503_and_nothing_is_kept(site: Site) -> None:
    site.shelf.error = ConnectionResetError("db.example said mina@people.example")
    response = await site.post()
    problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert not site.shelf.rows
    site.shelf.error = None
    assert (await site.post()).status_code == 202


async def test_a_defect_gives_500_without_details(site: Site) -> None:
    site.shelf.error = ValueError("row of mina@people.example")
    problem(await site.post(), 500, "error")


@pytest.mark.parametrize("load", [Load(outbox_rows=10**6), Load(outbox_age_s=10**6)])
async def test_when_too_much_waits_nothing_is_accepted_and_the_caller_is_told_when_to_come_back(
    site: Site, load: Load
) -> None:
    site.load[0] = load
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    response = await site.post()
    problem(response, 503, "overloaded")
    assert int(response.headers["retry-after"]) >= 1
    assert not site.shelf.rows
    text = (await site.client.get("/metrics")).text
    assert "dsr_intake_refused_total" in text
    site.load[0] = Load()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await site.post()).status_code == 202


async def test_nothing_of_the_person_is_in_the_metrics(site: Site) -> None:
    await site.post(key="mina@people.example")
    text = (await site.client.get("/metrics")).text
    assert 'dsr_intake_accepted_total{channel="web_form",right="erasure"} 1.0' in text
    assert "mina" not in text


async def test_the_time_of_receipt_decides_the_deadline(site: Site) -> None:
    # the 31st of January: February has no such day, and its last one is a Saturday
    response = await site.post(GOOD | {"received_at": "2026-01-31T12:00:00+01:00"})
    assert response.json()["due_date"] == "2026-03-02"


async def test_midnight_is_the_controllers_own(site: Site) -> None:
    before = await site.post(GOOD | {"received_at": "2026-11-22T23:59:59+01:00"}, key="a")
    after = await site.post(GOOD | {"received_at": "2026-11-23T00:00:00+01:00"}, key="b")
    assert (before.json()["due_date"], after.json()["due_date"]) == ("2026-12-22", "2026-12-23")
    # by the day in UTC it is still the 22nd: alarms go by the earlier reading
    assert after.json()["due_strict"] < after.json()["due_legal"]


def test_the_document_describes_every_field_and_every_answer() -> None:
    document: Any = openapi_document()
    submit = document["paths"]["/v1/dsrs"]["post"]
    assert submit["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewDsr"}
    assert submit["security"] == [{"bearer": []}]
    assert {"202", "409", "422", "503", "default"} <= set(submit["responses"])
    schemas = document["components"]["schemas"]
    assert schemas["NewDsr"]["examples"]
    for name in ("NewDsr", "AcceptedDsr"):
        for field, schema in schemas[name]["properties"].items():
            assert schema.get("description") or schema.get("examples") or "$ref" in schema, f"{name}.{field}"
    assert openapi_document() == document
