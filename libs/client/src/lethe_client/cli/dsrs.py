"""`lethe dsr`: follow requests, take packages away."""

# ruff: noqa: TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lethe_client.cli.exits import Exit
from lethe_client.cli.output import Json, group, note, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_client.intake import IntakeClient
from lethe_client.settings import INTAKE_URL, Settings
from lethe_events.words import SagaState

if TYPE_CHECKING:
    from lethe_client.models import Dsr, Republished, Withdrawn

app = group("Requests of data subjects: submit, follow, take the package away.")

Id = Annotated[UUID, typer.Argument(metavar="DSR_ID", help="The id that submit gave.", show_default=False)]


def client() -> IntakeClient:
    settings = Settings.find()
    return IntakeClient(settings.url(INTAKE_URL), settings.token())


@app.command()
def show(dsr_id: Id, as_json: Json = False) -> None:
    """Show where a request stands."""

    async def ask() -> Dsr:
        async with client() as intake:
            return await intake.dsr(dsr_id)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    progress = found.progress
    print_pairs(
        [
            ("dsr", found.dsr_id),
            ("controller", found.controller_id),
            ("right", found.right.value + (", copy first" if found.export_first else "")),
            *_particulars(found),
            ("state", found.state.value),
            ("received", found.received_at.isoformat()),
            ("answer by", f"{found.due_legal.isoformat()} ({found.rule}, {found.country})"),
            ("alarms by", found.due_strict.isoformat()),
            ("withdrawn", found.withdrawn_at.isoformat() if found.withdrawn_at else None),
            ("overdue", "yes" if found.overdue(datetime.now(UTC)) else None),
            ("repeats", _repeats(found)),
            ("tasks", f"{progress.settled} of {progress.tasks} settled, {progress.open_incidents} open incident(s)"),
            ("result", found.result.value if found.result else None),
            ("package", "ready" if found.package_ready else None),
            ("sent on", _sent_on(found)),
            ("certificate", found.certificate_sha256),
        ]
    )
    for kept in found.retained:
        until = f" until {kept.until.date()}" if kept.until else ""
        print(f"kept: {kept.rows} row(s) of {kept.collection} ({kept.category}): {kept.ground}, {kept.article}{until}")


def _particulars(found: Dsr) -> list[tuple[str, object]]:
    said = found.particulars.model_dump(exclude_defaults=True)
    named = ((name.replace("_", " "), value) for name, value in said.items())
    return [(name, ", ".join(v) if isinstance(v, tuple) else "yes" if v is True else v) for name, v in named]


def _sent_on(found: Dsr) -> str | None:
    sent = found.transmission
    if sent is None:
        return None
    more = (sent.problem, sent.receipt_sha256 and f"receipt {sent.receipt_sha256}")
    return ", ".join([f"{sent.target}: {sent.state}", *(word for word in more if word)])


def _repeats(found: Dsr) -> str | None:
    if found.repeats is None:
        return None
    parts = [f"{found.repeats.requests} of this right so far", *found.repeats.patterns]
    return ", ".join([*parts, f"open then: {found.repeats.open_dsr_id}"] if found.repeats.open_dsr_id else parts)


@app.command("list")
def list_(
    state: Annotated[SagaState | None, typer.Option(help="Only in this state.")] = None,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many; the newest first.")] = 50,
    before: Annotated[UUID | None, typer.Option(help="The last id of the page before.")] = None,
    as_json: Json = False,
) -> None:
    """List requests, newest first."""

    async def ask() -> None:
        async with client() as intake:
            page = await intake.page(
                state=state.value if state else None, controller_id=controller, before=before, limit=limit
            )
        if as_json:
            print_json(page)
            return
        rows = [
            (
                d.dsr_id,
                d.right.value,
                d.state.value,
                d.due_date,
                f"{d.progress.settled}/{d.progress.tasks}",
                d.progress.open_incidents or "",
            )
            for d in page.items
        ]
        print_table(("dsr", "right", "state", "answer by", "settled", "incidents"), rows, nothing="No requests.")
        if page.next and sys.stdout.isatty():
            note(f"There are more: --before {page.items[-1].dsr_id}")

    asyncio.run(ask())


@app.command()
def watch(
    dsr_id: Id,
    until: Annotated[SagaState, typer.Option(help="Stop when this state, or a later one, is reached.")] = (
        SagaState.CLOSED
    ),
    timeout: Annotated[float, typer.Option(min=0, help="Seconds; 0 waits for ever.")] = 0,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    as_json: Json = False,
) -> int:
    """Print every change until the request is closed; exit code 1 if that takes longer than --timeout."""
    return asyncio.run(_watch(dsr_id, until, timeout, interval, as_json))


async def _watch(dsr_id: UUID, until: SagaState, timeout_s: float, interval: float, as_json: bool) -> int:
    order = list(SagaState)
    seen: tuple[object, ...] = ()
    try:
        async with asyncio.timeout(timeout_s or None), client() as intake:
            while True:
                found = await intake.dsr(dsr_id)
                now = (found.state, found.progress, found.package_ready, found.result)
                if now != seen:
                    seen = now
                    print(found.model_dump_json() if as_json else _line(found), flush=True)
                if order.index(found.state) >= order.index(until):
                    return Exit.OK
                await asyncio.sleep(interval)
    except TimeoutError:
        note(f"lethe: not {until.value} after {timeout_s:g} s")
        return Exit.NO


def _line(found: Dsr) -> str:
    parts = [
        f"{datetime.now(UTC):%H:%M:%S}  {found.state.value}",
        f"{found.progress.settled}/{found.progress.tasks} settled",
    ]
    if found.progress.open_incidents:
        parts.append(f"{found.progress.open_incidents} open incident(s)")
    if found.package_ready:
        parts.append("package ready")
    if found.result:
        parts.append(found.result.value)
    return "  ".join(parts)


@app.command()
def withdraw(dsr_id: Id, as_json: Json = False) -> None:
    """Take a request back, on the person's word. What was done by then stays done."""

    async def act() -> Withdrawn:
        async with client() as intake:
            return await intake.withdraw(dsr_id)

    withdrawn = asyncio.run(act())
    if as_json:
        print_json(withdrawn)
    else:
        print(f"{withdrawn.dsr_id}: withdrawn {withdrawn.withdrawn_at.isoformat()}")


@app.command()
def republish(
    reason: Annotated[str, typer.Option(help="A code of your own for the journal: kafka_lost.")] = "republish",
    as_json: Json = False,
) -> None:
    """Have intake say again what the saga may not have heard: after Kafka lost it. Nothing is done twice."""

    async def act() -> Republished:
        async with client() as intake:
            return await intake.republish(reason)

    done = asyncio.run(act())
    if as_json:
        print_json(done)
    else:
        print(f"{done.dsrs} request(s): {done.messages} message(s) said again")


@app.command()
def package(
    dsr_id: Id,
    out: Annotated[Path, typer.Option(help="The file to write; it must not exist.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Take the export package away (a ZIP file), checked against the hash it is sent with."""

    async def fetch() -> int:
        async with client() as intake:
            descriptor = _create(out)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    return await intake.package(dsr_id, file)
            except BaseException:
                out.unlink()
                raise

    size = asyncio.run(fetch())
    if as_json:
        print_json({"file": str(out), "size": size})
    else:
        print(f"{out}: {size} bytes")


def _create(path: Path) -> int:
    """Readable by its owner only: it holds everything about a person."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
