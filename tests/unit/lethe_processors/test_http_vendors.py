"""Profiles in the shapes of real vendors, from their documented answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lethe_events.words import Grade, Outcome, Verb
from lethe_processors.connector import Answer
from lethe_processors.credentials import Credentials
from lethe_processors.http import HttpConnector, HttpProfile
from lethe_testkit.http_vendor import SECRETS, Sink, Vendor, item, reply

AUTH = {"scheme": "bearer", "token": "env:VENDOR_TOKEN"}
EMAIL = "nadia.petrova%40mail.example"

KUSTOMER: dict[str, Any] = {  # synchronous; any 2xx is a deletion
    "base_url": "https://acme.api.kustomer.example",
    "auth": AUTH,
    "erase": {
        "steps": [
            {"lookup": {"GET": "/v1/customers/email={email}", "id": "$.data.id"}},
            {"lookup": {"GET": "/v1/customers/externalId={customer_id}", "id": "$.data.id"}},
            {"submit": {"DELETE": "/v1/customers/{id}", "ok": [200, 201, 202, 204], "accepted": []}},
        ]
    },
}

ZENDESK: dict[str, Any] = {  # soft, then for good; done when every application that started has completed
    "base_url": "https://acme.zendesk.example",
    "auth": {"scheme": "basic", "user": "agent@acme.example/token", "password": "env:VENDOR_PASSWORD"},
    "erase": {
        "steps": [
            {
                "lookup": {
                    "GET": "/api/v2/users/search.json?query={email}",
                    "each": "$.users[*]",
                    "match": {"$.email": "email"},
                    "id": "$.id",
                }
            },
            {
                "lookup": {
                    "GET": "/api/v2/deleted_users.json?email={email}",
                    "each": "$.deleted_users[*]",
                    "match": {"$.email": "email"},
                    "id": "$.id",
                    "pages": {"by": "link", "next": "$.next_page"},
                }
            },
            {"submit": {"DELETE": "/api/v2/users/{id}.json"}},
            {"submit": {"DELETE": "/api/v2/deleted_users/{id}.json"}},
            {
                "poll": {
                    "GET": "/api/v2/users/{id}/compliance_deletion_statuses",
                    "each": "$.compliance_deletion_statuses[*]",
                    "per": "$.application",
                    "status": "$.action",
                    "map": {"running": ["request_deletion", "started"], "done": ["complete"]},
                    "within": "PT0S",
                }
            },
        ]
    },
}

SEGMENT: dict[str, Any] = {  # no lookup: the vendor is given the id; the answer can be partial
    "base_url": "https://eu1.api.segmentapis.example",
    "auth": AUTH,
    "erase": {
        "steps": [
            {
                "submit": {
                    "POST": "/regulations",
                    "json": {
                        "regulationType": "SUPPRESS_WITH_DELETE",
                        "subjectType": "USER_ID",
                        "subjectIds": ["{customer_id}"],
                    },
                    "job_id": "$.data.regulateId",
                }
            },
            {
                "poll": {
                    "GET": "/regulations/{job}",
                    "status": "$.data.regulation.overallStatus",
                    "map": {
                        "running": ["INITIALIZED", "RUNNING"],
                        "done": ["FINISHED"],
                        "partial": ["PARTIAL_SUCCESS"],
                        "failed": ["FAILED", "INVALID", "NOT_SUPPORTED"],
                    },
                    "within": "PT0S",
                }
            },
        ]
    },
}


async def erase(profile: dict[str, Any], answers: dict[str, object]) -> tuple[Answer, list[str]]:
    vendor = Vendor(answers)
    connector = HttpConnector(
        HttpProfile.model_validate(profile),
        Credentials(SECRETS),
        transport=httpx.MockTransport(vendor),
        timing=vendor.time.timing(),
    )
    (answer,) = await connector.erase([item()])
    await connector.close()
    return answer, vendor.asked


async def test_kustomer_is_done_at_once_and_asked_by_every_key() -> None:
    answer, asked = await erase(
        KUSTOMER,
        {
            f"GET /v1/customers/email={EMAIL}": reply(404),
            "GET /v1/customers/externalId=C-100042": reply(200, {"data": {"type": "customer", "id": "5f"}}),
            "DELETE /v1/customers/5f": reply(202, {"data": {}}),
        },
    )
    assert (answer.outcome, answer.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert asked[-1] == "DELETE /v1/customers/5f"


def zendesk(statuses: list[tuple[str, str]], *, found: bool = True) -> dict[str, object]:
    user = {"id": 7, "email": "nadia.petrova@mail.example"}
    others = [{"id": 8, "email": "nadia.petrova@other.example"}]
    told = [{"application": a, "action": s} for a, s in statuses]
    return {
        f"GET /api/v2/users/search.json?query={EMAIL}": reply(200, {"users": [*([user] if found else []), *others]}),
        f"GET /api/v2/deleted_users.json?email={EMAIL}": reply(
            200, {"deleted_users": [] if found else [user], "next_page": None}
        ),
        "DELETE /api/v2/users/7.json": reply(200, {"user": {"active": False}}) if found else reply(404),
        "DELETE /api/v2/deleted_users/7.json": reply(200, {"deleted_user": {}}),
        "GET /api/v2/users/7/compliance_deletion_statuses": reply(200, {"compliance_deletion_statuses": told}),
    }


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([("all", "request_deletion"), ("support", "started"), ("support", "complete")], Outcome.ACCEPTED),
        ([("support", "started"), ("chat", "started"), ("support", "complete")], Outcome.ACCEPTED),
        ([("support", "started"), ("support", "complete"), ("chat", "complete")], Outcome.DONE),
        ([("support", "complete"), ("chat", "vanished")], Outcome.ACCEPTED),
        ([], Outcome.ACCEPTED),
    ],
)
async def test_zendesk_is_done_when_every_application_is(statuses: list[tuple[str, str]], outcome: Outcome) -> None:
    answer, asked = await erase(ZENDESK, zendesk(statuses))
    assert answer.outcome is outcome
    assert not any("/8" in call for call in asked), "somebody else whom the search brought up"


async def test_zendesk_after_a_crash_between_its_two_deletions_is_finished() -> None:
    answer, asked = await erase(ZENDESK, zendesk([("support", "complete")], found=False))
    assert answer.outcome is Outcome.DONE
    assert "DELETE /api/v2/deleted_users/7.json" in asked


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("RUNNING", Outcome.ACCEPTED),
        ("FINISHED", Outcome.DONE),
        ("PARTIAL_SUCCESS", Outcome.NEEDS_PERSON),
        ("NOT_SUPPORTED", Outcome.FAILED),
        ("SOMETHING_NEW", Outcome.ACCEPTED),
    ],
)
async def test_segment_tells_partial_success_from_success(status: str, outcome: Outcome) -> None:
    answer, _ = await erase(
        SEGMENT,
        {
            "POST /regulations": reply(200, {"data": {"regulateId": "r1"}}),
            "GET /regulations/r1": reply(200, {"data": {"regulation": {"overallStatus": status}}}),
        },
    )
    assert answer.outcome is outcome


async def test_what_a_profile_leaves_out_is_not_pretended() -> None:
    connector = HttpConnector(HttpProfile.model_validate(SEGMENT), Credentials(SECRETS))
    assert await connector.export([item(verb=Verb.EXPORT)], Sink()) == [Answer.permanent("verb_not_described")]
    await connector.close()
