"""Every right that is accepted comes in whole: told without values, sealed where it has values, shown, said again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from intake.domain.rights import CARRIED
from lethe_events import DsrReceived
from lethe_processors.corrections import of_processor
from lethe_testkit.ground import eventually
from lethe_testkit.intake import SCOPES, intake_ground
from lethe_vault import Redemption

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from lethe_testkit.intake import IntakeGround

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

EXAMPLES = Path(__file__).parents[3] / "examples" / "register"
PLANTED = "Castellanos"
ASKED: dict[str, dict[str, Any]] = {
    "portability": {"formats": ["csv"]},
    "rectification": {
        "corrections": {"user.name.last": PLANTED, "shop:customers.language": "de"},
        "contested": True,
        "categories": ["user.name.last"],
    },
    "restriction": {"ground": "legal_claims", "categories": ["user.contact"]},
    "objection": {"purposes": ["essential.service"], "grounds": f"{PLANTED} is followed."},
    "consent_withdrawal": {"purposes": ["marketing.communications.email"]},
    "automated_decision": {"decision": "loan/2026-17"},
}
TOLD = ("purposes", "direct_marketing", "categories", "ground", "contested", "decision")
RIGHTS = sorted(ASKED.keys() & CARRIED)
NIL = UUID(int=0)


@pytest.fixture
async def ground(postgres_dsn: str, kafka_bootstrap: str, unique: str, tmp_path: Path) -> AsyncIterator[IntakeGround]:
    async with intake_ground(postgres_dsn, kafka_bootstrap, unique, tmp_path) as made:
        shutil.copytree(EXAMPLES, tmp_path / "register")
        yield made


async def post(client: httpx.AsyncClient, here: IntakeGround, right: str, key: str = "k", **more: Any) -> Any:
    body = {
        "controller_id": "acme",
        "right": right,
        "identifiers": {"email": ["mina@people.example"]},
        "channel": "web_form",
        "identity": {"method": "controller_session"},
        **ASKED[right],
        **more,
    }
    headers = {**here.token(), "Idempotency-Key": f"{right}-{key}"}
    return await client.post("/v1/dsrs", json=body, headers=headers)


async def test_every_right_is_told_shown_and_said_again_with_what_it_asks(ground: IntakeGround) -> None:
    async with ground.running(LETHE_REGISTER=str(ground.directory / "register")) as client:
        accepted = {}
        for right in RIGHTS:
            answer = await post(client, ground, right)
            assert answer.status_code == 202, answer.text
            accepted[right] = answer.json()["dsr_id"]
            again = await post(client, ground, right)
            assert again.json()["dsr_id"] == accepted[right]
        headers = ground.token(scopes=(*SCOPES, "messaging:act"))
        shown = {r: (await client.get(f"/v1/dsrs/{i}", headers=headers)).json() for r, i in accepted.items()}
        await client.post("/v1/dsrs/republish", json={"reason": "kafka_lost"}, headers=headers)

        async def all_out() -> bool:
            return len(await ground.requests()) == 2 * len(RIGHTS)

        await eventually(all_out)
    messages = [m.body for m in await ground.requests() if isinstance(m.body, DsrReceived)]
    for right in RIGHTS:
        first, second = (m for m in messages if m.right == right)
        assert first == second, "what is said again says the same"
        for name in TOLD:
            value = ASKED[right].get(name)
            if value is not None:
                told = getattr(first, name)
                assert (list(told) if isinstance(told, tuple) else told) == value
                assert shown[right]["particulars"][name] == value
        assert shown[right]["right"] == right
    for raw in await ground.raw_records():
        assert PLANTED.encode() not in raw
    assert PLANTED not in str(shown)


async def test_corrections_are_sealed_in_the_form_in_which_workers_redeem_them(ground: IntakeGround) -> None:
    async with ground.running(LETHE_REGISTER=str(ground.directory / "register")) as client:
        dsr_id = UUID((await post(client, ground, "rectification")).json()["dsr_id"])
    redeemed = await ground.vault.redeem([Redemption(dsr_id, NIL)])
    places = of_processor(redeemed.corrections[dsr_id], "shop")
    assert {(p.collection, p.field): v for p, v in places.items()}["customers", "language"] == "de"
    assert {(p.collection, p.field): v for p, v in places.items()}["customers", "last_name"] == PLANTED
    row = await ground.admin.fetchval("SELECT asked::text FROM intake.dsr")
    assert "customers.last_name" in row
    assert PLANTED not in row


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("rectification", {"corrections": {"user.name.last": ["a"]}}, "corrections.user.name.last"),
    ("rectification", {"corrections": {}, "contested": True}, "corrections"),
    ("rectification", {"corrections": {"customers.shoe_size": "43"}}, "corrections[0]"),
    ("rectification", {"corrections": {f"t.f{n}": 1 for n in range(65)}}, "corrections"),
    ("rectification", {"completions": "x"}, "completions"),
    ("rectification", {"contested": "perhaps"}, "contested"),
    ("rectification", {"categories": ["Not A Category"]}, "categories[0]"),
    ("restriction", {"ground": "because"}, "ground"),
    ("restriction", {"ground": None}, "ground"),
    ("objection", {"grounds": None}, "grounds"),
    ("objection", {"grounds": "x" * 4001}, "grounds"),
    ("objection", {"direct_marketing": "maybe"}, "direct_marketing"),
    ("consent_withdrawal", {"purposes": []}, "purposes"),
    ("consent_withdrawal", {"purposes": ["no.such.use"]}, "purposes[0]"),
    ("consent_withdrawal", {"purposes": ["Jane Example"]}, "purposes[0]"),
    ("portability", {"formats": ["pdf"]}, "formats[0]"),
    ("portability", {"formats": "json"}, "formats"),
    ("automated_decision", {"decision": None}, "decision"),
    ("automated_decision", {"decision": "the one about Jane"}, "decision"),
]


async def test_bad_input_of_each_field_is_told_by_field_and_stores_nothing(ground: IntakeGround) -> None:
    async with ground.running(LETHE_REGISTER=str(ground.directory / "register")) as client:
        for right, change, field in WRONG:
            if right not in RIGHTS:
                continue
            answer = await post(client, ground, right, **change)
            assert answer.status_code == 422, (right, change, answer.text)
            fields = [error["field"] for error in answer.json()["errors"]]
            assert field in fields, (right, change, fields)
            assert all(error["fix"] for error in answer.json()["errors"])
    assert await ground.counts() == {"dsr": 0, "sealed": 0}


async def test_two_corrections_of_one_field_at_once_are_two_requests_each_with_its_own_value(
    ground: IntakeGround,
) -> None:
    """Which value comes last in the end is settled at the processor; here neither is lost nor mixed up."""
    async with ground.running(LETHE_REGISTER=str(ground.directory / "register")) as client:
        values = [f"{PLANTED}-{n}" for n in range(8)]
        answers = await asyncio.gather(
            *(post(client, ground, "rectification", v, corrections={"shop:customers.last_name": v}) for v in values)
        )
        same = await asyncio.gather(
            *(post(client, ground, "rectification", values[0], corrections={"shop:customers.last_name": v})
              for v in values)
        )  # fmt: skip
    assert {a.status_code for a in answers} == {202}
    assert sorted(a.status_code for a in same) == [202, *[409] * 7]
    ids = [UUID(a.json()["dsr_id"]) for a in answers]
    redeemed = await ground.vault.redeem([Redemption(i, NIL) for i in ids])
    assert [redeemed.corrections[i]["shop:customers.last_name"] for i in ids] == values


async def test_a_file_of_people_carries_every_right_with_what_it_needs(ground: IntakeGround) -> None:
    heading = "row_key,right,email,formats,correct.customers.language,contested,ground,purposes,grounds,decision\n"
    rows = [
        "a,portability,a@people.example,json|csv,,,,,,",
        "b,rectification,b@people.example,,de,true,,,,",
        "c,restriction,c@people.example,,,,unlawful,,,",
        "d,objection,d@people.example,,,,,essential.service,They know where I live.,",
        "e,consent_withdrawal,e@people.example,,,,,marketing.communications.email,,",
        "f,automated_decision,f@people.example,,,,,,,loan/7",
    ]
    headers = {**ground.token(), "Content-Type": "text/csv", "Idempotency-Key": "file"}
    async with ground.running(LETHE_REGISTER=str(ground.directory / "register")) as client:
        wrong = heading + "\n".join([*rows, "g,restriction,g@people.example,,,,,,,"])
        refused = await client.post("/v1/dsr-batches?controller_id=acme", content=wrong, headers=headers)
        assert [e["field"] for e in refused.json()["errors"]] == ["row 7: ground"]
        done = await client.post(
            "/v1/dsr-batches?controller_id=acme", content=heading + "\n".join(rows), headers=headers
        )
        assert done.json()["accepted"] == len(rows), done.text
        parent = (await client.get(f"/v1/dsr-batches/{done.json()['batch_id']}", headers=headers)).json()
        assert parent["rights"] == dict.fromkeys(sorted(ASKED), 1)
