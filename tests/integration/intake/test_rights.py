"""Every right that is accepted comes in whole: told without values, sealed where it has values, shown, said again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from intake.domain.rights import CARRIED
from lethe_events import DsrReceived
from lethe_testkit.ground import eventually
from lethe_testkit.intake import SCOPES, intake_ground

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
