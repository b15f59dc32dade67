"""`lethe saga withdraw` and others: what the privacy team does to a request as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lethe_client.cli.output import Json, print_json
from lethe_client.cli.sagas import Id, instant
from lethe_client.orchestrator import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lethe_client.orchestrator import OrchestratorClient
    from lethe_client.sagas import RequestActed


HoldId = Annotated[UUID, typer.Argument(metavar="HOLD_ID", help="Under `holds` of `lethe saga show --json`.")]


def add_to(app: typer.Typer) -> None:
    app.command()(withdraw)
    app.command()(extend)
    app.command()(refuse)
    app.command("approve-refusal")(approve_refusal)
    app.command()(hold)
    app.command("lift-hold")(lift_hold)
    app.command("approve-hold")(approve_hold)


def withdraw(
    dsr_id: Id,
    at: Annotated[str | None, typer.Option(help="When the person said so (with offset); left out: now.")] = None,
    as_json: Json = False,
) -> None:
    """Record that the data subject took the request back: nothing new is asked, what was asked is waited for."""
    said_at = instant(at, "--at")
    act(lambda orchestrator: orchestrator.withdraw(dsr_id, said_at), as_json=as_json)


def extend(
    dsr_id: Id,
    further: Annotated[int, typer.Option(min=1, max=45, help="Months under the GDPR, two at most.")],
    reason: Annotated[list[str], typer.Option(help="A code: complexity, number_of_requests; may be repeated.")],
    notified_at: Annotated[
        str | None, typer.Option(help="When the notice went out (with offset); left out: it is sent now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Record a notice of extension that went out within the first period (Art. 12(3)), or have it sent.

    The dates move when it is recorded, or when there is proof that it went out in time.
    """
    sent = instant(notified_at, "--notified-at")
    act(lambda o: o.extend(dsr_id, further=further, reasons=reason, notified_at=sent), as_json=as_json)


def refuse(  # noqa: PLR0917 - typer reads options from parameters
    dsr_id: Id,
    ground: Annotated[str, typer.Option(help="A ground of the law, for example excessive or manifestly_unfounded.")],
    reason: Annotated[str, typer.Option(help="A code of your own, for the certificate: fourth_in_a_month.")],
    article: Annotated[str | None, typer.Option(help="Default: the ground's own.")] = None,
    authority: Annotated[str | None, typer.Option(help="Supervisory authority, DE-BE; default: the country's.")] = None,
    as_json: Json = False,
) -> None:
    """State that the whole request is to be refused (Art. 12(4)); another person has to approve it."""
    act(
        lambda o: o.propose_refusal(dsr_id, ground=ground, reason=reason, article=article, authority=authority),
        as_json=as_json,
    )


def approve_refusal(dsr_id: Id, as_json: Json = False) -> None:
    """Approve the refusal that somebody else proposed."""
    act(lambda o: o.approve_refusal(dsr_id), as_json=as_json)


def hold(  # noqa: PLR0917 - typer reads options from parameters
    dsr_id: Id,
    ground: Annotated[str, typer.Option(help="A ground to keep data, for example legal_claims.")],
    matter: Annotated[str, typer.Option(help="A code of your own: litigation_2026_17.")],
    processor: Annotated[list[str] | None, typer.Option(help="Only here; may be repeated. Default: all.")] = None,
    article: Annotated[str | None, typer.Option(help="Default: the ground's own.")] = None,
    as_json: Json = False,
) -> None:
    """State that erasures of a request are to be held; another person has to approve it."""
    act(
        lambda o: o.propose_hold(dsr_id, ground=ground, matter=matter, processors=processor or (), article=article),
        as_json=as_json,
    )


def lift_hold(dsr_id: Id, hold_id: HoldId, as_json: Json = False) -> None:
    """State that a hold is over; when another person approves, what it stopped is asked by itself."""
    act(lambda o: o.propose_lift(dsr_id, hold_id), as_json=as_json)


def approve_hold(dsr_id: Id, hold_id: HoldId, as_json: Json = False) -> None:
    """Approve what somebody else proposed about a hold: to place it, or to lift it."""
    act(lambda o: o.approve_hold(dsr_id, hold_id), as_json=as_json)


def act(acting: Callable[[OrchestratorClient], Awaitable[RequestActed]], *, as_json: bool) -> None:
    """Carry it out and print what it led to."""

    async def run() -> RequestActed:
        async with connect() as orchestrator:
            return await acting(orchestrator)

    acted = asyncio.run(run())
    if as_json:
        print_json(acted)
        return
    waiting = f"; waiting for {', '.join(acted.waiting_for)}" if acted.waiting_for else ""
    print(f"saga {acted.state}, result {acted.result or 'open'}, due {acted.due_legal.isoformat()}{waiting}")
