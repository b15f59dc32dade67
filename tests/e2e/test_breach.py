"""A breach on the whole stack: from a report to a closed case, from a burst of signals to a suspicion; no leak."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import httpx
import pytest

from lethe_client.breaches import BreachClient, ReportClient
from lethe_client.errors import BadInput, Unauthorised
from lethe_testkit.ground import eventually
from lethe_testkit.scanner import Scanner

if TYPE_CHECKING:
    from lethe_testkit.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

FACTS = {
    "kinds": ["confidentiality"],
    "cause": "external_malicious",
    "encryption_intact": False,
    "key_safe": False,
    "exfiltration": "yes",
    "data": ["health"],
    "vulnerable": True,
    "safety": False,
    "recipient": "hostile",
    "retrieved": False,
    "subjects": 200,
    "identifiability": "direct",
    "permanence": "permanent",
}
COPY = hashlib.sha256(b"copy").hexdigest()


def notifier(stack: Stack, name: str) -> BreachClient:
    return BreachClient(stack.url("breach_notifier"), stack.token(subject=name))


async def case_of(client: BreachClient, **wanted: str) -> UUID:
    """The open case that has these members, once it is there."""
    found: list[UUID] = []

    async def there() -> bool:
        items = (await client.page())["items"]
        found[:] = [UUID(c["case_id"]) for c in items if all(c[k] == v for k, v in wanted.items())]
        return bool(found)

    await eventually(there, seconds=30)
    return found[0]


async def test_a_breach_goes_from_a_report_to_its_last_notice_and_names_nobody(stack: Stack, unique: str) -> None:
    planted = f"Planted-{unique} told that Mina's file was read"
    async with ReportClient(stack.url("intake"), stack.token()) as intake:
        report = {"controllers": ["acme"], "reporter": "person", "assets": ["shop/db"], "description": planted}
        with pytest.raises(BadInput, match="controllers"):
            await intake.report({**report, "controllers": []})
        breach = await intake.report(report, idempotency_key=unique)
        assert await intake.report(report, idempotency_key=unique) == breach
    async with notifier(stack, "kim") as kim, notifier(stack, "robin") as robin:
        case = await case_of(kim, breach_id=breach["breach_id"])
        now = datetime.now(UTC)
        with pytest.raises(BadInput, match="aware_at"):
            await kim.act(case, "aware", {"aware_at": (now + timedelta(hours=1)).isoformat(), "reason": "x"})
        await kim.act(case, "aware", {"aware_at": now.isoformat(), "reason": "the dump is real"})
        await kim.act(case, "facts", {"facts": FACTS})
        told = {"notify_authority": True, "notify_subjects": True, "reasons": "health data", "authorities": ["DE-BE"]}
        assert (await kim.act(case, "decision", told))["state"] == "assessed"
        unproven = {"exemption": "protected", "evidence": []}
        with pytest.raises(BadInput, match="evidence"):
            await kim.act(case, "exemption", unproven)
        draft = await kim.act(case, "notices", {"fields": {"45": False}})
        assert draft["unfilable"] == []
        with pytest.raises(Unauthorised):
            await kim.act(case, "notices/1/sign")
        await robin.act(case, "notices/1/sign")
        filing = {"authority": "DE-BE", "reference": "BE-26-1", "filed_at": now.isoformat(), "copy_sha256": COPY}
        await kim.act(case, "notices/1/file", filing)
        await kim.act(case, "subjects-told", {"told": 200, "proof_sha256": COPY})
        await kim.act(case, "notices", {"fields": {"4": "c", "5": "told twice"}})
        await robin.act(case, "notices/2/sign")
        assert (await kim.act(case, "notices/2/file", {**filing, "reference": "BE-26-2"}))["state"] == "settled"
        closed = await kim.act(case, "close", {"effects": "none seen", "measures": "keys changed"})
        assert closed["state"] == "closed"
        shown = await kim.case(case)
    kinds = [m["kind"] for m in shown["timeline"]]
    assert (kinds[0], kinds[-1]) == ("breach_suspected", "case_closed")
    scanner = Scanner([planted, f"Planted-{unique}"])
    leaks, counts = await scanner.topics(stack.kafka)
    assert counts["breach.reports"] and counts["breach.status"]
    leaks += (await scanner.tables(stack.database()))[0] + scanner.logs(stack) + await scanner.metrics(stack)
    assert leaks == []


async def test_a_burst_of_signals_becomes_one_suspicion_on_the_status_page(stack: Stack, unique: str) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=2)
    asset, actor = f"shop/login-{unique}", f"mina-{unique}@people.example"

    def signal(n: int, rule: str) -> dict[str, object]:
        at = (begin + timedelta(seconds=n)).isoformat()
        return {
            "signal_id": str(uuid5(UUID(int=0), f"{unique}{n}")),
            "rule": rule,
            "asset": asset,
            "at": at,
            "actor": actor,
        }

    signals = [signal(n, "login.failed") for n in range(11)] + [signal(60, "login.succeeded")]
    where = f"{stack.url('intake')}/v1/breach-signals?controller_id=acme&source=siem"
    headers = {"Authorization": f"Bearer {stack.token()}"}
    async with httpx.AsyncClient(headers=headers) as client:
        for _ in range(2):
            answer = await client.post(where, json=signals)
            assert answer.status_code == 202, answer.text
    async with notifier(stack, "kim") as kim:
        case = await case_of(kim, source="rule:failed_then_succeeded")
        shown = await kim.case(case)
    assert (shown["state"], shown["hours_left"], shown["seen"]["hits"]) == ("suspected", None, 1)
    async with httpx.AsyncClient(base_url=stack.url("breach_notifier"), follow_redirects=True) as page:
        assert "Sign in" in (await page.get("/console")).text
        listed = (await page.post("/console/sign-in", data={"token": stack.token()})).text
        assert str(case) in listed
        assert asset in (await page.get(f"/console/breaches/{case}")).text
    scanner = Scanner([actor])
    leaks = (await scanner.topics(stack.kafka))[0] + (await scanner.tables(stack.database()))[0] + scanner.logs(stack)
    assert leaks == []
