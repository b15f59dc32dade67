"""The demonstration itself: one person, three requests, and what Lethe can show afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from lethe_client.certificate import read_key_file, stands_on, verify, verify_chain
from lethe_client.errors import LetheError, Missing
from lethe_client.intake import IntakeClient
from lethe_client.models import NewDsr
from lethe_client.orchestrator import OrchestratorClient
from lethe_events.words import Right
from lethe_local.demo.bank import TITLE, bank_lines
from lethe_local.demo.correction import FIELD, correction_lines, stands, wanted
from lethe_local.demo.moments import Follower
from lethe_local.demo.summary import certificate_lines, package_lines, unproven_lines
from lethe_local.errors import NotReady
from lethe_local.processes.supervisor import restarts
from lethe_local.stack import databases, envfile
from lethe_local.stack.keys import DEMO_CONTROLLER
from lethe_local.stack.samples import SHOP_DATABASE

if TYPE_CHECKING:
    from uuid import UUID

    from lethe_client.models import AcceptedDsr, Value
    from lethe_client.sagas import Saga
    from lethe_local.demo.screen import Screen
    from lethe_local.state import State

LOOK_EVERY = 0.2
PATIENCE = 120.0
DEMO_EMAIL = "nadia.petrova@mail.example"
"""The person whom every sample processor knows; once she is erased, the next one is taken."""


async def tell(state: State, screen: Screen) -> None:
    """Raises NotReady if a request does not come to its end, or if what Lethe hands out cannot be verified."""
    values = envfile.read(state)
    person = await _somebody(values["LETHE_POSTGRES"])
    try:
        async with (
            IntakeClient(values["LETHE_INTAKE_URL"], values["LETHE_TOKEN"]) as intake,
            OrchestratorClient(values["LETHE_ORCHESTRATOR_URL"], values["LETHE_TOKEN"]) as orchestrator,
        ):
            story = _Story(screen, intake, orchestrator, state, Path(values["LETHE_VERIFY_KEY"]))
            screen.title(f"{person['name']} asks: what do you hold about me? (GDPR Art. 15)")
            await story.access(person)
            screen.title(f"{person['name']} asks: correct it. (GDPR Art. 16)")
            await story.correction(person, values["LETHE_POSTGRES"])
            screen.title(f"{person['name']} asks: erase it. (GDPR Art. 17)")
            await story.erasure(person)
    except LetheError as error:
        raise NotReady(f"the demonstration stopped: {error}") from error


class _Story:
    def __init__(
        self, screen: Screen, intake: IntakeClient, orchestrator: OrchestratorClient, state: State, key: Path
    ) -> None:
        self._screen = screen
        self._intake = intake
        self._orchestrator = orchestrator
        self._state = state
        self._found = state.root / "demo"
        self._found.mkdir(mode=0o700, exist_ok=True)
        self._key = key
        self._restarts = restarts(state)

    async def access(self, person: dict[str, str]) -> None:
        accepted = await self._submit(Right.ACCESS, person)
        await self._follow("Access", accepted)
        await self._until_package(accepted.dsr_id)
        package = self._found / f"package-{accepted.dsr_id}.zip"
        with package.open("wb") as file:
            await self._intake.package(accepted.dsr_id, file)
        self._screen.line("")
        for line in package_lines(package):
            self._screen.line(line)
        self._screen.line(f"the package: {package}", "dim")
        await self._certificate(accepted.dsr_id)

    async def correction(self, person: dict[str, str], admin: str) -> None:
        before = await stands(admin, person["customer_no"])
        accepted = await self._submit(Right.RECTIFICATION, person, corrections={FIELD: wanted(before)})
        await self._follow("Rectification", accepted)
        after = await stands(admin, person["customer_no"])
        document = await self._orchestrator.certificate(accepted.dsr_id)
        self._screen.line("")
        for line in correction_lines(document["certificate"], before, after):
            self._screen.line(line)
        await self._certificate(accepted.dsr_id)

    async def erasure(self, person: dict[str, str]) -> None:
        accepted = await self._submit(Right.ERASURE, person)
        await self._follow("Erasure", accepted)
        self._screen.line("")
        await self._certificate(accepted.dsr_id, whole=True)

    async def _submit(
        self, right: Right, person: dict[str, str], corrections: dict[str, Value] | None = None
    ) -> AcceptedDsr:
        identifiers = {"email": [person["email"]], "customer_id": [person["customer_no"]]}
        accepted = await self._intake.submit(
            NewDsr(controller_id=DEMO_CONTROLLER, right=right, identifiers=identifiers, corrections=corrections)
        )
        self._screen.line(f"accepted as {accepted.dsr_id}; to be answered by {accepted.due_date.isoformat()}")
        return accepted

    async def _follow(self, title: str, accepted: AcceptedDsr) -> Saga:
        follower, begun, clock = Follower(), time.monotonic(), False
        with self._screen.following(title, accepted) as view:
            while True:
                before, self._restarts = self._restarts, restarts(self._state)
                self._screen.restarted(before, self._restarts)
                saga = await self._look(accepted.dsr_id)
                if saga is not None:
                    clock = clock or self._clock(saga)
                    view.show(saga, follower.look(saga, datetime.now(UTC)))
                    if saga.state == "closed":
                        return saga
                if time.monotonic() - begun > PATIENCE:
                    raise NotReady(
                        f"{title} {accepted.dsr_id} is not closed after {PATIENCE:.0f} s: see `make status`."
                    )
                await asyncio.sleep(LOOK_EVERY)

    def _clock(self, saga: Saga) -> bool:
        """How the date came about. Always true: it is told once."""
        for step in saga.clock.get("steps", ()):
            self._screen.line(f"  {step}", "dim")
        return True

    async def _until_package(self, dsr_id: UUID) -> None:
        """Intake hears of it over the bus, a moment after the orchestrator."""
        for _ in range(int(PATIENCE / LOOK_EVERY)):
            if (await self._intake.dsr(dsr_id)).package_ready:
                return
            await asyncio.sleep(LOOK_EVERY)
        raise NotReady(f"intake has no package of {dsr_id} after {PATIENCE:.0f} s: see `make status`.")

    async def _look(self, dsr_id: UUID) -> Saga | None:
        """None until the orchestrator has taken it from the bus."""
        try:
            return await self._orchestrator.saga(dsr_id)
        except Missing:
            return None

    async def _certificate(self, dsr_id: UUID, *, whole: bool = False) -> None:
        document = await self._orchestrator.certificate(dsr_id)
        chain = await self._orchestrator.events(dsr_id)
        path = self._found / f"certificate-{dsr_id}.json"
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        verified = verify(document, read_key_file(self._key))
        stands_on(verified, verify_chain(chain.links))
        if whole:
            for line in certificate_lines(verified.certificate):
                self._screen.line(line)
            self._screen.title(TITLE)
            for line in bank_lines(verified.certificate):
                self._screen.line(line)
            self._screen.line("")
            self._screen.line("not proven, and said so:", "dim")
            for line in unproven_lines(verified.certificate):
                self._screen.line(f"  {line}", "dim")
        self._screen.line("certificate: signature and audit chain verified without asking Lethe", "green")
        self._screen.line(f"  lethe certificate verify {path} --key {self._key}", "dim")


async def _somebody(admin: str) -> dict[str, str]:
    connection = await asyncpg.connect(databases.at(admin, SHOP_DATABASE))
    try:
        row = await connection.fetchrow(
            "SELECT email, customer_no, first_name || ' ' || last_name AS name FROM shop.customers"
            " ORDER BY lower(email) = $1 DESC, id LIMIT 1",
            DEMO_EMAIL,
        )
    finally:
        await connection.close()
    if row is None:
        raise NotReady("the sample shop has nobody left: `make down`, then `make demo` again.")
    return dict(row)
