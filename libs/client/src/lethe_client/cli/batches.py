"""`lethe dsr batch`: requests for several people, from a file."""

# ruff: noqa: TC001, TC003 - typer evaluates annotations

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lethe_client.cli import dsrs
from lethe_client.cli.exits import Exit
from lethe_client.cli.output import Json, note, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_events.words import SagaState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_client.models import Batch, BatchProgress, DsrPage


def batch(
    file: Annotated[Path, typer.Argument(help="A CSV; its heading has row_key, right, email, …", show_default=False)],
    controller: Annotated[str, typer.Option(help="Whose people they are.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is wrong, row by row.")] = False,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Names the batch; default: a hash of the file, so that it can be sent again.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Submit one request per row, under one parent; sent again, it goes on where it stopped."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from error
    key = idempotency_key or hashlib.sha256(content).hexdigest()

    async def send() -> Batch:
        async with dsrs.client() as intake:
            return await intake.batch(content, controller, idempotency_key=key, dry_run=dry_run)

    done = asyncio.run(send())
    if as_json:
        print_json(done)
    else:
        for fault in done.faults:
            print(f"{fault.field} {fault.message}; {fault.fix}")
        for number in done.conflicting:
            print(f"row {number}: was accepted before with other content; give it another row_key")
        what = "good row(s)" if dry_run else f"row(s): {done.accepted} accepted, {done.replayed} before"
        print(f"{done.people} {what}" + (f"; batch {done.batch_id}" if done.batch_id else ""))
    return Exit.NO if done.faults or done.conflicting else Exit.OK


def batch_show(
    batch_id: Annotated[UUID, typer.Argument(metavar="BATCH_ID", show_default=False)],
    requests: Annotated[bool, typer.Option("--requests", help="List them, in the order of acceptance.")] = False,
    state: Annotated[SagaState | None, typer.Option(help="With --requests: only in this state.")] = None,
    after: Annotated[UUID | None, typer.Option(help="With --requests: the last id of the page before.")] = None,
    as_json: Json = False,
) -> None:
    """Show how far the requests of a batch are."""
    if requests:
        _list(asyncio.run(_page(batch_id, state, after)), as_json)
        return

    async def ask() -> BatchProgress:
        async with dsrs.client() as intake:
            return await intake.batch_progress(batch_id)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    print_pairs(
        [
            ("batch", found.batch_id),
            ("requests", f"{found.requests} of {found.people}"),
            *sorted(found.states.items()),
            ("rights", _counted(found.rights)),
            ("results", _counted(found.results)),
            ("withdrawn", found.withdrawn or None),
            ("incidents", found.open_incidents or None),
            ("overdue", found.overdue or None),
            ("next due", found.next_due.isoformat() if found.next_due else None),
        ]
    )


def _counted(numbers: Mapping[str, int]) -> str | None:
    return ", ".join(f"{number} {word}" for word, number in sorted(numbers.items())) or None


async def _page(batch_id: UUID, state: SagaState | None, after: UUID | None) -> DsrPage:
    async with dsrs.client() as intake:
        return await intake.batch_page(batch_id, state=state.value if state else None, after=after)


def _list(page: DsrPage, as_json: bool) -> None:
    if as_json:
        print_json(page)
        return
    rows = [
        (d.dsr_id, d.right.value, d.state.value, d.result.value if d.result else "", d.due_date,
         d.progress.open_incidents or "")
        for d in page.items
    ]  # fmt: skip
    print_table(("dsr", "right", "state", "result", "answer by", "incidents"), rows, nothing="No requests.")
    if page.next and sys.stdout.isatty():
        note(f"There are more: --after {page.items[-1].dsr_id}")


def add_to(app: typer.Typer) -> None:
    """The commands, among those about requests."""
    app.command("batch")(batch)
    app.command("batch-show")(batch_show)
