"""`lethe saga`, `lethe incident`, `lethe parked`: for who is on call."""

# ruff: noqa: PLR0917, TC001 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from lethe_client.cli.output import Json, group, note, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_client.orchestrator import connect
from lethe_events.words import SagaState

app = group("Sagas: how far each request is, at which processor, since when.")
incidents = group("Incidents: what a person has to look at.")
parked = group("Messages that could not be taken and wait for a person.")

Id = Annotated[UUID, typer.Argument(metavar="DSR_ID", help="The saga has the id of its DSR.", show_default=False)]
TaskId = Annotated[UUID, typer.Argument(metavar="TASK_ID", show_default=False)]


@app.command("list")
def list_(
    state: Annotated[SagaState | None, typer.Option(help="Only in this state.")] = None,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    processor: Annotated[str | None, typer.Option(help="Only where this processor has something open.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only if due before this instant (with offset).")] = None,
    incident: Annotated[bool | None, typer.Option(help="Only with, or without, open incidents.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    after: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: Json = False,
) -> None:
    """List sagas, the most urgent first."""

    async def ask() -> None:
        async with connect() as orchestrator:
            page = await orchestrator.page(
                after,
                state=state.value if state else None,
                controller=controller,
                processor=processor,
                due_before=_instant(due_before),
                incident=None if incident is None else str(incident).lower(),
                limit=limit,
            )
        if as_json:
            print_json(page)
            return
        now = datetime.now(UTC)
        rows = [
            (s.dsr_id, s.right, s.state, _left(s.due_strict, now), f"{s.settled}/{s.tasks}", s.open_incidents or "")
            for s in page.items
        ]
        print_table(("dsr", "right", "state", "left", "settled", "incidents"), rows, nothing="No sagas.")
        if page.next and sys.stdout.isatty():
            note(f"There are more: --after {page.next}")

    asyncio.run(ask())


def _instant(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadInput(f"--due-before {text!r} is not an instant with offset, for example 2026-12-01T00:00:00Z")
    return instant.isoformat()


def _left(due: datetime, now: datetime) -> str:
    hours = (due - now).total_seconds() / 3600
    if hours < 0:
        return f"late {-hours / 24:.0f} d" if hours < -48 else f"late {-hours:.0f} h"  # noqa: PLR2004 - two days
    return f"{hours / 24:.0f} d" if hours > 48 else f"{hours:.0f} h"  # noqa: PLR2004


@app.command()
def show(dsr_id: Id, as_json: Json = False) -> None:
    """Show one saga with its tasks."""

    async def ask() -> None:
        async with connect() as orchestrator:
            found = await orchestrator.saga(dsr_id)
        if as_json:
            print_json(found)
            return
        print_pairs(
            [
                ("dsr", found.dsr_id),
                ("controller", found.controller_id),
                ("right", found.right),
                ("state", found.state),
                ("answer by", found.due_legal.isoformat()),
                ("alarms by", found.due_strict.isoformat()),
            ]
        )
        rows = [
            (t.processor_id, t.verb, t.round, t.status, t.attempt, t.outcome, t.grade, t.code, t.task_id)
            for t in found.tasks
        ]
        columns = ("processor", "verb", "round", "status", "attempt", "outcome", "grade", "code", "task")
        print_table(columns, rows, nothing="No tasks yet.")

    asyncio.run(ask())


@app.command()
def events(dsr_id: Id, as_json: Json = False) -> None:
    """Print the audit log of a saga, checked link by link; with --json, as certificate verify --chain takes it."""
    from lethe_client.certificate import verify_chain

    async def ask() -> None:
        async with connect() as orchestrator:
            chain = await orchestrator.events(dsr_id)
        hashes = verify_chain(chain.links)
        if as_json:
            print_json(chain)
            return
        for item in chain.links:
            content = item["content"]
            print(f"{item['seq']:>4}  {content.get('at')}  {content.get('kind')}  {hashes[item['seq']][:16]}")

    asyncio.run(ask())


@app.command()
def retry(dsr_id: Id, task_id: TaskId, as_json: Json = False) -> None:
    """Ask a task again that ended in an incident."""

    async def act() -> object:
        async with connect() as orchestrator:
            return await orchestrator.retry(dsr_id, task_id)

    _done(asyncio.run(act()), "asked again", as_json=as_json)


@app.command("except")
def except_(
    dsr_id: Id,
    task_id: TaskId,
    ground: Annotated[str, typer.Option(help="A code of the law's grounds, for example cannot_be_reread.")],
    reason: Annotated[str, typer.Option(help="Why, for the certificate. No personal data.")],
    article: Annotated[str | None, typer.Option(help="Default: the ground's own.")] = None,
    as_json: Json = False,
) -> None:
    """Propose to except a task lawfully; another person has to approve it."""
    from lethe_law.grounds import GROUNDS, UnknownGround
    from lethe_law.grounds import ground as ground_of

    try:
        cited = article or ground_of(ground).article
    except UnknownGround:
        raise BadInput(f"no ground {ground!r}; there are: {', '.join(GROUNDS)}") from None

    async def act() -> object:
        async with connect() as orchestrator:
            return await orchestrator.propose_exception(dsr_id, task_id, ground=ground, article=cited, reason=reason)

    _done(asyncio.run(act()), "proposed: another person has to approve", as_json=as_json)


@app.command()
def approve(dsr_id: Id, task_id: TaskId, as_json: Json = False) -> None:
    """Approve an exception that somebody else proposed."""

    async def act() -> object:
        async with connect() as orchestrator:
            return await orchestrator.approve_exception(dsr_id, task_id)

    _done(asyncio.run(act()), "approved", as_json=as_json)


def _done(answer: object, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print(text)


@incidents.command("list")
def incident_list(as_json: Json = False) -> None:
    """List open incidents, the most urgent first."""

    async def ask() -> None:
        async with connect() as orchestrator:
            page = await orchestrator.incidents()
        if as_json:
            print_json(page)
            return
        rows = [(i.code, i.processor_id, i.dsr_id, i.task_id, i.opened_at) for i in page.items]
        print_table(("code", "processor", "dsr", "task", "since"), rows, nothing="No open incidents.")

    asyncio.run(ask())


@incidents.callback()
def _incidents() -> None:
    """More than one command is to come."""


@parked.command("list")
def parked_list(as_json: Json = False) -> None:
    """List parked messages by topic and reason; their content is never shown."""

    async def ask() -> None:
        async with connect() as orchestrator:
            page = await orchestrator.parked()
        if as_json:
            print_json(page)
            return
        print_table(("topic", "code", "waiting"), [(p.topic, p.code, p.waiting) for p in page.items], nothing="None.")

    asyncio.run(ask())


@parked.callback()
def _parked() -> None:
    """More than one command is to come."""
