"""The declarative connector against the example vendor over real HTTP: honest, lying, hanging, talking nonsense."""

from __future__ import annotations

import asyncio
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
import yaml

from lethe_events.words import Grade, Outcome, Verb
from lethe_example_helpdesk.app import create_app
from lethe_example_helpdesk.behaviour import Behaviour, Misbehaving
from lethe_example_helpdesk.store import Store
from lethe_example_shop.person import person_number
from lethe_processors.connector import Answer, WorkItem
from lethe_processors.credentials import Credentials
from lethe_processors.http import HttpConnector
from lethe_testkit.http_vendor import NADIA, Sink, item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REGISTER = Path(__file__).parents[3] / "examples" / "register" / "helpdesk.yaml"
SEED = 7


class Helpdesk:
    """The vendor, and the administrator who makes it misbehave."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.admin = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"})
        self.credentials = Credentials(
            {"HELPDESK_URL": url, "HELPDESK_TOKEN": token, "HELPDESK_READ_TOKEN": f"{token}-read"}
        )

    def connector(self, **changes: Any) -> HttpConnector:
        described = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))["connector"]
        described.pop("kind")
        return HttpConnector.from_settings({**described, **changes}, self.credentials)

    async def behave(self, **changes: object) -> None:
        (await self.admin.put("/admin/behaviour", json=changes)).raise_for_status()

    async def holds(self, email: str = NADIA["email"][0]) -> dict[str, int]:
        held: dict[str, int] = (await self.admin.get("/admin/holds", params={"email": email})).json()
        return held


@pytest.fixture
async def helpdesk() -> AsyncIterator[Helpdesk]:
    token = secrets.token_hex(8)
    app = create_app(
        Store(300, SEED), Misbehaving(Behaviour(per_second=5000), SEED), token=token, read_token=f"{token}-read"
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        desk = Helpdesk(f"http://127.0.0.1:{listener.getsockname()[1]}", token)
        yield desk
        await desk.behave(hang=False)
        await desk.admin.aclose()
        server.should_exit = True
    listener.close()


@pytest.fixture
async def connector(helpdesk: Helpdesk) -> AsyncIterator[HttpConnector]:
    connector = helpdesk.connector()
    yield connector
    await connector.close()


def people(numbers: range) -> list[WorkItem]:
    found = [person_number(n, SEED) for n in numbers]
    return [item({"email": (p.email,), "customer_id": (p.customer_no,)}, name=str(p.number)) for p in found]


async def test_a_person_is_exported_erased_and_seen_absent(helpdesk: Helpdesk, connector: HttpConnector) -> None:
    sink = Sink()
    (exported,) = await connector.export([item(verb=Verb.EXPORT)], sink)
    assert {c.collection: c.rows for c in exported.counts} == {"customers": 1, "tickets": 60}
    assert sink.rows["customers"][0]["email"] == NADIA["email"][0]
    assert all("agent" not in ticket and "text" in ticket for ticket in sink.rows["tickets"])
    (erased,) = await connector.erase([item()])
    assert (erased.outcome, erased.grade) == (Outcome.DONE, Grade.CONFIRMED_BY_API)
    assert await helpdesk.holds() == {"customers": 0, "tickets": 0}
    (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert (verified.outcome, verified.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    (again,) = await connector.erase([item()])
    assert again.outcome is Outcome.NOTHING_FOUND


async def test_a_vendor_that_lies_is_caught_by_verify(helpdesk: Helpdesk, connector: HttpConnector) -> None:
    await helpdesk.behave(lie=True)
    (erased,) = await connector.erase([item()])
    assert erased.outcome is Outcome.DONE, "so it says"
    (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert verified.outcome is Outcome.RESIDUAL
    await helpdesk.behave(lie=False)
    await connector.erase([item()])
    (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert verified.outcome is Outcome.NOTHING_FOUND


async def test_a_slow_deletion_is_accepted_asked_once_and_seen_later(
    helpdesk: Helpdesk, connector: HttpConnector
) -> None:
    await helpdesk.behave(deletion_seconds=2.5)
    (first,) = await connector.erase([item()])
    assert first.outcome is Outcome.ACCEPTED
    assert first.expected_by is not None
    (repeated,) = await connector.erase([item()])  # as after a crash: the answer was lost
    assert repeated.outcome in {Outcome.ACCEPTED, Outcome.DONE}
    (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    async with asyncio.timeout(5):
        while verified.outcome is Outcome.RESIDUAL:
            await asyncio.sleep(0.2)
            (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert verified.outcome is Outcome.NOTHING_FOUND


async def test_a_vendor_that_hangs_costs_its_timeout_and_not_more(helpdesk: Helpdesk) -> None:
    await helpdesk.behave(hang=True)
    connector = helpdesk.connector(timeout="PT0.3S", parallel=4)
    async with asyncio.timeout(5):
        answers = await connector.erase(people(range(1, 51)))
    assert {a.failure.code for a in answers if a.failure} <= {"vendor_timeout", "vendor_unreachable"}
    assert all(a.outcome is Outcome.FAILED for a in answers)
    await helpdesk.behave(hang=False)
    assert (await connector.verify([item(verb=Verb.VERIFY)]))[0].outcome is Outcome.RESIDUAL
    await connector.close()


async def test_nonsense_is_neither_done_nor_absent(helpdesk: Helpdesk, connector: HttpConnector) -> None:
    await helpdesk.behave(nonsense=True)
    for _ in range(5):
        for answer in (*await connector.erase([item()]), *await connector.verify([item(verb=Verb.VERIFY)])):
            assert answer == Answer.transient("nonsense_answer")
    assert (await helpdesk.holds())["customers"] == 1


async def test_a_flaky_and_limited_vendor_is_asked_until_everybody_is_gone(helpdesk: Helpdesk) -> None:
    await helpdesk.behave(down_rate=0.15, deletion_seconds=0.0, per_second=300)
    connector = helpdesk.connector(rate={"per_second": 250})
    todo = people(range(1, 101))
    async with asyncio.timeout(40):
        while todo:
            answers = await connector.erase(todo)
            assert {a.failure.kind.value for a in answers if a.failure} <= {"transient"}
            todo = [w for w, a in zip(todo, answers, strict=True) if a.outcome is Outcome.FAILED]
    await helpdesk.behave(down_rate=0.0, per_second=5000)
    seen = await connector.verify(people(range(1, 101)))
    assert all(a.outcome is Outcome.NOTHING_FOUND for a in seen)
    others = await connector.verify(people(range(101, 111)))
    assert all(a.outcome is Outcome.RESIDUAL for a in others), "nobody else was erased"
    await connector.close()


async def test_a_refused_credential_is_for_a_person(helpdesk: Helpdesk) -> None:
    wrong = Credentials({"HELPDESK_URL": helpdesk.url, "HELPDESK_TOKEN": "x", "HELPDESK_READ_TOKEN": "y"})
    described = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))["connector"]
    described.pop("kind")
    connector = HttpConnector.from_settings(described, wrong)
    assert await connector.erase([item()]) == [Answer.permanent("credentials_refused")]
    await connector.close()


async def test_the_reading_credential_cannot_erase(helpdesk: Helpdesk) -> None:
    connector = helpdesk.connector(auth={"scheme": "bearer", "token": "env:HELPDESK_READ_TOKEN"})
    assert await connector.erase([item()]) == [Answer.permanent("credentials_refused")]
    assert (await helpdesk.holds())["customers"] == 1
    await connector.close()


async def test_a_behaviour_that_does_not_exist_is_refused(helpdesk: Helpdesk) -> None:
    for wrong in ({"li": True}, {"lie": "yes"}, {"down_rate": -1}, {"down_rate": True}):
        assert (await helpdesk.admin.put("/admin/behaviour", json=wrong)).status_code == 422
    assert (await helpdesk.admin.get("/admin/behaviour")).json()["lie"] is False
