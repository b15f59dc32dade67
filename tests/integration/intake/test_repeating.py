"""The same person asks again: recognised by keyed hashes, named, counted, flagged; refused by nobody but a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import yaml

from lethe_events import DsrStatus
from lethe_events.words import SagaState
from lethe_testkit.ground import eventually
from lethe_testkit.intake import CONTROLLERS, NOW

if TYPE_CHECKING:
    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

DSR: dict[str, Any] = {
    "controller_id": "acme",
    "right": "erasure",
    "identifiers": {"email": ["mina@people.example"], "customer_id": ["C-1"]},
    "channel": "web_form",
    "identity": {"method": "controller_session"},
}


def attaching(ground: IntakeGround) -> None:
    entries = [
        {"controller_id": c, "name": c, "country": "DE", "contact": f"privacy@{c}.example", "repeats": "attach"}
        for c in CONTROLLERS
    ]
    (ground.directory / "controllers.yaml").write_text(yaml.safe_dump({"controllers": entries}))


async def post(client: httpx.AsyncClient, ground: IntakeGround, key: str, **changes: Any) -> httpx.Response:
    headers = {**ground.token(CONTROLLERS), "Idempotency-Key": key}
    response = await client.post("/v1/dsrs", json=DSR | changes, headers=headers)
    assert response.status_code == 202, response.text
    return response


async def shown(client: httpx.AsyncClient, ground: IntakeGround, dsr_id: str) -> Any:
    return (await client.get(f"/v1/dsrs/{dsr_id}", headers=ground.token(CONTROLLERS))).json()["repeats"]


async def close(ground: IntakeGround, *dsr_ids: str, version: int = 9) -> None:
    await ground.tell(
        *[
            DsrStatus(
                dsr_id=UUID(i),
                controller_id="acme",
                version=version,
                state=SagaState.CLOSED,
                at=NOW,
                due_strict=NOW,
                due_legal=NOW,
            )
            for i in dsr_ids
        ]
    )
    await eventually(ground.all_statuses_seen)


async def test_a_repeat_is_accepted_and_names_the_open_one_by_any_identifier_they_share(ground: IntakeGround) -> None:
    async with ground.running() as client:
        first = (await post(client, ground, "a")).json()
        assert "repeats" not in first
        others = [
            await post(client, ground, "b", identifiers={"email": ["MINA@people.example"]}),
            await post(client, ground, "c", identifiers={"customer_id": ["C-1"], "email": ["other@people.example"]}),
        ]
        for answer in others:
            assert answer.json()["repeats"] == first["dsr_id"] != answer.json()["dsr_id"]
            again = await post(client, ground, "b", identifiers={"email": ["mina@people.example"]})
            assert again.content == others[0].content, "sent again, it gets the same answer"
        assert await shown(client, ground, others[1].json()["dsr_id"]) == {
            "open_dsr_id": first["dsr_id"], "patterns": [], "requests": 2,
        }  # fmt: skip
        assert await shown(client, ground, first["dsr_id"]) is None
        assert (await ground.counts())["dsr"] == 3


async def test_another_person_right_or_controller_is_no_repeat(ground: IntakeGround) -> None:
    async with ground.running() as client:
        await post(client, ground, "a")
        for key, change in {
            "b": {"identifiers": {"email": ["ada@people.example"]}},
            "c": {"right": "access"},
            "d": {"controller_id": "beta"},
            "e": {"identifiers": {"username": ["C-1"]}},
        }.items():
            assert "repeats" not in (await post(client, ground, key, **change)).json()


async def test_requests_of_one_person_at_once_name_one_and_the_same(ground: IntakeGround) -> None:
    async with ground.running() as one, ground.running() as other:
        answers = await asyncio.gather(*(post(c, ground, f"{n}") for n, c in enumerate((one, other) * 6)))
    first = [a.json()["dsr_id"] for a in answers if "repeats" not in a.json()]
    assert len(first) == 1
    assert {a.json().get("repeats") for a in answers} == {None, first[0]}
    assert await ground.admin.fetchval("SELECT max(requests) FROM intake.known_person") == 12


async def test_many_open_ones_and_one_soon_after_an_answer_are_flagged_for_a_person(ground: IntakeGround) -> None:
    async with ground.running() as client:
        ids = [(await post(client, ground, f"{n}")).json()["dsr_id"] for n in range(6)]
        assert [(await shown(client, ground, i) or {}).get("patterns") for i in ids] == [
            None,
            [],
            [],
            [],
            [],
            ["burst"],
        ]
        await close(ground, *ids)
        soon = (await post(client, ground, "soon")).json()
        assert "repeats" not in soon, "nothing is open"
        assert await shown(client, ground, soon["dsr_id"]) == {
            "open_dsr_id": None, "patterns": ["same_again"], "requests": 7,
        }  # fmt: skip
        next_ = (await post(client, ground, "next")).json()
        assert next_["repeats"] == soon["dsr_id"], "it has taken the place of the closed one"


async def test_a_controller_may_have_repeats_attached_to_the_open_one(ground: IntakeGround) -> None:
    attaching(ground)
    async with ground.running() as client:
        first = await post(client, ground, "a")
        repeat = await post(client, ground, "b")
        assert repeat.json() == first.json() | {"attached": True}
        assert "idempotency-replayed" not in repeat.headers
        assert (await ground.counts())["dsr"] == 1
        await close(ground, first.json()["dsr_id"])
        late = await post(client, ground, "b")
        assert (late.content, late.headers["idempotency-replayed"]) == (repeat.content, "true")
        reused = await client.post(
            "/v1/dsrs", json=DSR | {"note": "x"}, headers={**ground.token(), "Idempotency-Key": "b"}
        )
        assert reused.status_code == 409
        assert (await post(client, ground, "c")).json()["dsr_id"] != first.json()["dsr_id"], "that one is over"


@pytest.mark.parametrize(
    "change",
    [
        {"export_first": True},
        {"note": "please hurry"},
        {"identity": {"method": "in_doubt", "reason": "unknown_address"}},
        {"identity": {"method": "called_in"}},
        {"identifiers": {"email": ["mina@people.example"], "customer_id": ["C-2"]}},
    ],
    ids=["asks for more", "says more", "in doubt", "known otherwise", "names somebody else too"],
)
async def test_what_the_open_one_does_not_cover_is_not_attached(ground: IntakeGround, change: dict[str, Any]) -> None:
    attaching(ground)
    async with ground.running() as client:
        first = (await post(client, ground, "a")).json()
        other = (await post(client, ground, "b", **change)).json()
        assert other["dsr_id"] != first["dsr_id"] == other["repeats"]


async def test_attached_at_once_leaves_one_request(ground: IntakeGround) -> None:
    attaching(ground)
    async with ground.running(LETHE_INTAKE_GROUP_SPACING="0ms") as one, ground.running() as other:
        await post(one, ground, "first")
        answers = await asyncio.gather(*(post(c, ground, f"{n}") for n, c in enumerate((one, other) * 6)))
    assert len({a.json()["dsr_id"] for a in answers}) == 1
    assert (await ground.counts())["dsr"] == 1


async def test_people_are_forgotten_when_they_have_not_asked_for_long_and_nothing_is_open(ground: IntakeGround) -> None:
    async with ground.running() as client:
        over = (await post(client, ground, "a")).json()["dsr_id"]
        await post(client, ground, "b", identifiers={"email": ["ada@people.example"]})
        await close(ground, over)
    assert await ground.admin.fetchval("SELECT count(*) FROM intake.known_person") == 3
    async with ground.running(LETHE_INTAKE_REPEATS_KEPT="0s"):
        await eventually(lambda: _left(ground, 1))


async def _left(ground: IntakeGround, count: int) -> bool:
    return bool(await ground.admin.fetchval("SELECT count(*) FROM intake.known_person") == count)
