"""`lethe saga`, `lethe incident`: for who is on call."""

# ruff: noqa: PLR0917, TC001 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lethe_client.cli.output import Json, group, note, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_client.orchestrator import connect
from lethe_events.words import SagaState

if TYPE_CHECKING:
    from lethe_client.sagas import Acted, Resumed, Saga

app = group("Sagas: how far each request is, at which processor, since when.")
incidents = group("Incidents: what a person has to look at.")

Id = Annotated[UUID, typer.Argument(metavar="DSR_ID", help="The saga has the id of its DSR.", show_default=False)]
TaskId = Annotated[UUID, typer.Argument(metavar="TASK_ID", show_default=False)]


@app.command("list")
def list_(
    state: Annotated[SagaState | None, typer.Option(help="Only in this state.")] = None,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    processor: Annotated[str | None, typer.Option(help="Only where this processor has something open.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only if due before this instant (with offset).")] = None,
    incident: Annotated[bool, typer.Option("--incident", help="Only with an open incident.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    after: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: Json = False,
) -> None:
    """List sagas, the most urgent first; open ones unless a state is given."""
    before = instant(due_before, "--due-before")

    async def ask() -> None:
        async with connect() as orchestrator:
            page = await orchestrator.page(
                after,
                state=state.value if state else None,
                controller=controller,
                processor=processor,
                due_before=before.isoformat() if before else None,
                incident="true" if incident else None,
                limit=limit,
            )
        if as_json:
            print_json(page)
            return
        now = datetime.now(UTC)
        rows = [
            (
                s.dsr_id,
                s.right,
                s.state,
                "" if s.answered_at else _left(s.due_strict, now),
                f"{s.settled}/{s.tasks}",
                s.open_incidents or "",
                " ".join(s.waiting_for),
            )
            for s in page.items
        ]
        columns = ("dsr", "right", "state", "left", "settled", "incidents", "waits for")
        print_table(columns, rows, nothing="No sagas.")
        if page.next and sys.stdout.isatty():
            note(f"There are more: --after {page.next}")

    asyncio.run(ask())


def instant(text: str | None, option: str) -> datetime | None:
    """What an option says. Raises BadInput for anything but an instant with offset."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput(f"{option} {text!r} is not an instant with offset, for example 2026-12-01T00:00:00Z")
    return found


def _left(due: datetime, now: datetime) -> str:
    hours = (due - now).total_seconds() / 3600
    if hours < 0:
        return f"late {-hours / 24:.0f} d" if hours < -48 else f"late {-hours:.0f} h"  # noqa: PLR2004 - two days
    return f"{hours / 24:.0f} d" if hours > 48 else f"{hours:.0f} h"  # noqa: PLR2004


@app.command()
def show(dsr_id: Id, as_json: Json = False) -> None:
    """Show one saga: its tasks, what each processor owes, what a person has to look at."""

    async def ask() -> None:
        async with connect() as orchestrator:
            found = await orchestrator.saga(dsr_id)
        if as_json:
            print_json(found)
        else:
            _print(found)

    asyncio.run(ask())


def _rights(found: Saga) -> None:
    """What a person has to decide or may lift, and where the right reaches nothing."""
    for left_out in found.not_concerned:
        note(f"not concerned: {left_out['processor']}: {left_out['meaning']}, {left_out['article']}")
    if found.deciding is not None:
        note(f"waits for a second person: {found.deciding['outcome']}, proposed by {found.deciding['by']}")
    elif found.may_decide:
        note(f"a person has to decide: lethe saga decide {found.dsr_id} --outcome {' or '.join(found.may_decide)}")
    if found.may_lift:
        note(_restricted(found))


def _restricted(found: Saga) -> str:
    """How far the end of a restriction is, and what a person does next."""
    announced = (found.restriction or {}).get("announced")
    if announced is None:
        return f"the restriction is in force; to end it: lethe saga announce-lift {found.dsr_id}"
    if announced.get("failed") is not None:
        return f"not announced ({announced['failed']}): tell the person, then: lethe saga lift {found.dsr_id}"
    if announced["lifts_at"] is not None:
        return f"the end of the restriction is announced: it is lifted at {announced['lifts_at']}"
    return "the letter that announces the end of the restriction is on its way"


def _print(found: Saga) -> None:
    print_pairs(
        [
            ("dsr", found.dsr_id),
            ("controller", found.controller_id),
            ("right", found.right + (", copy first" if found.export_first else "")),
            ("state", found.state),
            ("answer by", f"{found.due_legal.isoformat()} ({found.clock.get('rule')})"),
            ("alarms by", found.due_strict.isoformat()),
            ("answered", found.answered_at and found.answered_at.isoformat()),
            ("closed", found.closed_at and found.closed_at.isoformat()),
            ("result", found.result),
            ("certificate", found.certificate_sha256),
        ]
    )
    rows = [
        (t.processor_id, t.verb, t.round, t.status, t.attempt, t.outcome, t.grade, t.code, t.task_id)
        for t in found.tasks
    ]
    columns = ("processor", "verb", "round", "status", "attempt", "outcome", "grade", "code", "task")
    print_table(columns, rows, nothing="No tasks yet.")
    _rights(found)
    for incident in found.incidents:
        if incident.resolved_at is None:
            note(f"incident: {incident.processor_id or 'the saga'}: {incident.code}: {incident.next_step or ''}")


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
def seal(dsr_id: Id) -> None:
    """Print the proof, as JSON, that the saga's audit chain is under a signed seal."""

    async def ask() -> object:
        async with connect() as orchestrator:
            return await orchestrator.inclusion(dsr_id)

    print_json(asyncio.run(ask()))


@app.command()
def retry(dsr_id: Id, task_id: TaskId, as_json: Json = False) -> None:
    """Ask a task again that ended in an incident."""

    async def act() -> Acted:
        async with connect() as orchestrator:
            return await orchestrator.retry(dsr_id, task_id)

    _done(asyncio.run(act()), as_json=as_json)


@app.command("except")
def except_(
    dsr_id: Id,
    task_id: TaskId,
    ground: Annotated[str, typer.Option(help="A ground of the law, for example cannot_be_reread or legal_claims.")],
    reason: Annotated[str, typer.Option(help="A code of your own, for the certificate: litigation_2026_17.")],
    article: Annotated[str | None, typer.Option(help="Default: the ground's own.")] = None,
    as_json: Json = False,
) -> None:
    """State that a task is lawfully not done; another person has to approve it."""
    from lethe_law.grounds import GROUNDS

    if ground not in GROUNDS:
        raise BadInput(f"no ground {ground!r}; there are: {', '.join(GROUNDS)}")

    async def act() -> Acted:
        async with connect() as orchestrator:
            return await orchestrator.propose_exception(dsr_id, task_id, ground=ground, reason=reason, article=article)

    _done(asyncio.run(act()), as_json=as_json)


@app.command()
def approve(dsr_id: Id, task_id: TaskId, as_json: Json = False) -> None:
    """Approve the exception that somebody else proposed."""

    async def act() -> Acted:
        async with connect() as orchestrator:
            return await orchestrator.approve_exception(dsr_id, task_id)

    _done(asyncio.run(act()), as_json=as_json)


@app.command()
def resume(
    dsr_id: Annotated[UUID | None, typer.Argument(metavar="[DSR_ID]", show_default=False)] = None,
    reason: Annotated[str, typer.Option(help="A code of your own for the journal: kafka_lost.")] = "resume",
    all_open: Annotated[bool, typer.Option("--all", help="Every open saga of the token's controllers.")] = False,
    as_json: Json = False,
) -> None:
    """Ask again what is outstanding, from what is stored: after Kafka lost it. Nothing is done twice."""
    if (dsr_id is None) != all_open:
        raise BadInput("name a DSR_ID, or --all for every open saga")

    async def act() -> Resumed:
        async with connect() as orchestrator:
            return await (orchestrator.resume_all(reason) if dsr_id is None else orchestrator.resume(dsr_id, reason))

    resumed = asyncio.run(act())
    if as_json:
        print_json(resumed)
    else:
        print(f"{resumed.sagas} saga(s): {resumed.questions} question(s) asked again")


def _done(acted: Acted, *, as_json: bool) -> None:
    if as_json:
        print_json(acted)
    else:
        print(f"task {acted.status}, attempt {acted.attempt}; saga {acted.state}")


@incidents.command("list")
def incident_list(
    code: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    processor: Annotated[str | None, typer.Option(help="Only at this processor.")] = None,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    after: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: Json = False,
) -> None:
    """List open incidents, the oldest first."""

    async def ask() -> None:
        async with connect() as orchestrator:
            page = await orchestrator.incidents(
                after, code=code, processor=processor, controller=controller, limit=limit
            )
        if as_json:
            print_json(page)
            return
        rows = [(i.code, i.processor_id, i.dsr_id, i.task_id, i.opened_at.isoformat()) for i in page.items]
        print_table(("code", "processor", "dsr", "task", "since"), rows, nothing="No open incidents.")
        if page.next and sys.stdout.isatty():
            note(f"There are more: --after {page.next}")

    asyncio.run(ask())


@incidents.callback()
def _incidents() -> None:
    """More than one command is to come."""
