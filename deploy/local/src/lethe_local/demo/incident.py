"""A simulated incident on the shop's database: from the first signals to a drafted notice, with its clock."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from lethe_client.breaches import BreachClient, ReportClient
from lethe_client.errors import LetheError
from lethe_events.ids import uuid7
from lethe_local.errors import NotReady
from lethe_local.stack import databases, envfile
from lethe_local.stack.keys import DEMO_CONTROLLER
from lethe_local.stack.samples import SHOP_DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lethe_local.demo.pager import Pager
    from lethe_local.demo.screen import Screen
    from lethe_local.state import State

    Json = Mapping[str, Any]

COUNT = "SELECT count(*) FROM shop.customers"
PATIENCE = 60.0
LOOK_EVERY = 0.2
RULES = ("rule:failed_then_succeeded", "rule:mass_export")
FACTS = {
    "kinds": ["confidentiality"],
    "cause": "external_malicious",
    "encryption_intact": False,
    "key_safe": False,
    "exfiltration": "yes",
    "data": ["contact", "payment_means"],
    "vulnerable": False,
    "safety": False,
    "recipient": "hostile",
    "retrieved": False,
    "identifiability": "direct",
    "permanence": "lasting",
}
SEVERITY = {"dpc": "3", "ei": "1", "cb_confidentiality": "0.5", "cb_malicious": "0.5"}
_GAPS_SHOWN = 6


async def incident(state: State, screen: Screen, pager: Pager) -> None:
    """Raises NotReady if the incident does not become a drafted notice."""
    values = envfile.read(state)
    url, token = values["LETHE_BREACH_NOTIFIER_URL"], values["LETHE_TOKEN"]
    try:
        async with (
            ReportClient(values["LETHE_INTAKE_URL"], token) as intake,
            BreachClient(url, token) as notifier,
        ):
            story = _Incident(screen, intake, notifier, pager)
            screen.title("02:14, the shop's database is being read (simulated): security signals arrive")
            people = await _customers(values["LETHE_POSTGRES"])
            case_id = await story.suspected(people)
            screen.title("A person declares awareness: 72 hours (GDPR Art. 33(1))")
            await story.aware(case_id)
            screen.title("What is known is assessed; the rules propose, a person decides (Art. 33, 34)")
            await story.assessed(case_id, people)
            screen.title("The notice to the authority, filled from the case")
            await story.drafted(case_id, state.root / "demo")
            screen.line(f"to be read, signed and filed at {url}/console/breaches/{case_id} (token below)")
    except LetheError as error:
        raise NotReady(f"the simulated incident stopped: {error}") from error


@dataclass(frozen=True, slots=True)
class _Incident:
    screen: Screen
    intake: ReportClient
    notifier: BreachClient
    pager: Pager

    async def suspected(self, people: int) -> UUID:
        """Two rules hit, so two suspicions open; they are one incident, and go on as one case."""
        before = {case["case_id"] for case in await self._open()}
        sent = signals(people, datetime.now(UTC))
        await self.intake.signal(DEMO_CONTROLLER, "database-watch", sent)
        self.screen.line(f"{len(sent)} signals: failed logins, one that succeeded, {people} rows read at once")
        found: dict[str, Json] = {}

        async def both() -> bool:
            found.update({c["source"]: c for c in await self._open() if c["case_id"] not in before})
            return set(RULES) <= set(found)

        await _until(both, "two suspicions")
        for rule in RULES:
            self.screen.line(
                f"suspected    {rule.removeprefix('rule:').replace('_', ' ')}: no clock runs yet", "yellow"
            )
        await self._paged(found)
        first, second = (UUID(found[rule]["case_id"]) for rule in RULES)
        await self.notifier.act(second, "merge", {"into": str(first), "reason": "the same login read the rows"})
        self.screen.line("merged       two suspicions, one incident: one case goes on", "cyan")
        return first

    async def _paged(self, found: Mapping[str, Json]) -> None:
        shown = await self.notifier.case(UUID(found[RULES[0]]["case_id"]))
        if not any(call["receiver"] == "night-shift" for call in shown["calls"]):
            self.screen.line("this stack's own policy says who is on call; nobody rings here", "dim")
            return
        wanted = {case["case_id"] for case in found.values()}

        async def rang() -> bool:
            return wanted <= {alert["labels"]["case"] for alert in self.pager.alerts}

        await _until(rang, "a page of on-call")
        for alert in self.pager.alerts:
            if alert["labels"]["case"] in wanted:
                self.screen.line(
                    f"on-call      {alert['labels']['severity']}: {alert['annotations']['summary']}", "bold red"
                )

    async def aware(self, case_id: UUID) -> None:
        now = datetime.now(UTC).isoformat()
        reason = "the login is no employee's, and rows left the house"
        await self.notifier.act(case_id, "aware", {"aware_at": now, "reason": reason})
        case = await self.notifier.case(case_id)
        self.screen.line(f"left         {case['hours_left']:.1f} hours", "bold")
        self.screen.line(f"due          {case['due']}; lateness is judged by {case['legal_end']}")
        for step in case["clock"]["steps"]:
            self.screen.line(f"  {step}", "dim")
        for duty in case["reminders"]:
            self.screen.line(f"also         {duty['law']}: {duty['what']} by {duty['at']}", "dim")

    async def assessed(self, case_id: UUID, people: int) -> None:
        proof = hashlib.sha256(COUNT.encode()).hexdigest()
        await self.notifier.act(case_id, "facts", {"facts": {**FACTS, "subjects": people}, "severity": SEVERITY})
        await self.notifier.act(case_id, "counted", {"lower": people, "upper": people, "proof_sha256": proof})
        case = await self.notifier.case(case_id)
        proposal = case["proposal"]
        self.screen.line(f"severity     {case['severity']} (ENISA); {people} people, counted")
        self.screen.line(
            f"proposed     authority: {proposal['notify_authority']}, people: {proposal['notify_subjects']}, because"
        )
        for factor in proposal["factors"]:
            self.screen.line(f"  {factor['text']}", "dim")
        decision = {"notify_authority": True, "notify_subjects": True, "authorities": ["DE-BE"]}
        await self.notifier.act(case_id, "decision", {**decision, "reasons": "card data in hostile hands"})
        self.screen.line(
            "decided      tell the authority (DE-BE) and the people; a no would need a second person", "green"
        )

    async def drafted(self, case_id: UUID, folder: Path) -> None:
        draft = await self.notifier.act(case_id, "notices", {"fields": {}})
        version = await self.notifier.notice(case_id, draft["number"])
        answers = len(version["content"]["answers"])
        gaps = ", ".join(map(str, draft["gaps"][:_GAPS_SHOWN])) + (" …" if len(draft["gaps"]) > _GAPS_SHOWN else "")
        self.screen.line(
            f"version {draft['number']}    {draft['status']}: {answers} fields filled from the case", "green"
        )
        self.screen.line(f"gaps         {len(draft['gaps'])} fields that the case cannot know yet: {gaps}", "yellow")
        paper = folder / f"notice-{case_id}.pdf"
        content = await self.notifier.notice_pdf(case_id, draft["number"])
        await asyncio.to_thread(paper.write_bytes, content)
        self.screen.line(f"as PDF       {paper}", "dim")
        for step in (await self.notifier.case(case_id))["missing"]:
            self.screen.line(f"next         {step}")

    async def _open(self) -> list[Json]:
        found: list[Json] = (await self.notifier.page(state="suspected", limit=200))["items"]
        return found


def signals(rows: int, now: datetime) -> list[dict[str, object]]:
    """A burst of failed logins, one that succeeds, and a mass export, by one account on one database.

    Named after the moment: what is seen of one asset within a day belongs to the case of it that is open.
    """
    actor, asset = "reporting-account", f"shop/database-{now:%Y%m%dT%H%M%S}"

    def signal(rule: str, seconds: int, **more: object) -> dict[str, object]:
        at = (now - timedelta(seconds=seconds)).isoformat()
        return {
            "signal_id": str(uuid7(now, os.urandom(10))),
            "rule": rule,
            "asset": asset,
            "at": at,
            "actor": actor,
            "severity": 3,
            **more,
        }

    failed = [signal("login.failed", 120 - n) for n in range(12)]
    return [*failed, signal("login.succeeded", 60), signal("export.mass", 20, records=rows)]


async def _customers(admin: str) -> int:
    connection = await asyncpg.connect(databases.at(admin, SHOP_DATABASE))
    try:
        found: int = await connection.fetchval(COUNT)
    finally:
        await connection.close()
    return found


async def _until(there: Callable[[], Any], what: str) -> None:
    begun = time.monotonic()
    while not await there():
        if time.monotonic() - begun > PATIENCE:
            raise NotReady(f"{what} did not come within {PATIENCE:.0f} s: see `make status`.")
        await asyncio.sleep(LOOK_EVERY)
