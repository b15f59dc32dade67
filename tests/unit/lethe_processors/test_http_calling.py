"""Calling a vendor: trouble has a code, limits are kept, and nothing personal leaks or is misdirected."""

from __future__ import annotations

import logging

import httpx
import pytest

from lethe_events.words import Outcome
from lethe_processors.connector import Answer
from lethe_processors.http import ProfileUnsafe
from lethe_testkit.http_vendor import (
    BY_EMAIL,
    DELETE,
    FOUND,
    NADIA,
    SEARCH,
    Sink,
    Vendor,
    erase,
    item,
    reply,
    verify,
)


async def test_a_session_that_a_vendor_opens_is_not_carried_to_the_next_person() -> None:
    _, vendor = await erase({BY_EMAIL: reply(200, {"data": {"id": 17}}, set_cookie="s=1"), DELETE: reply(404)})
    assert len(vendor.requests) == 2
    assert all("cookie" not in r.headers for r in vendor.requests)


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


async def test_a_verb_that_the_profile_does_not_describe_needs_a_person() -> None:
    connector = Vendor({}).connector(verify=None, export=None)
    assert await connector.verify([item()]) == [Answer.permanent("verb_not_described")]
    assert await connector.export([item()], Sink()) == [Answer.permanent("verb_not_described")]
    await connector.close()
