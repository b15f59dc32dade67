"""`lethe hold`: what a legal matter keeps from being erased, across all requests of a controller."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from lethe_client.cli.output import Json, group, print_json, print_pairs, print_table
from lethe_client.cli.sagas import instant
from lethe_client.holds import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_client.holds import HoldsClient

app = group("Legal holds: placed and lifted by two people, for a person, a category, a processor or everything.")
HoldId = Annotated[UUID, typer.Argument(metavar="HOLD_ID", help="As `lethe hold list` shows it.")]
_IDENTIFIER = "One person, as kind=value (email=…, customer_id=…); turned into a token, not stored. May be repeated."


@app.command()
def place(  # noqa: PLR0917 - typer reads options from parameters
    controller: Annotated[str, typer.Option(help="Whose requests.")],
    ground: Annotated[str, typer.Option(help="A ground to keep data, for example legal_claims.")],
    matter: Annotated[str, typer.Option(help="A code of your own: litigation_2026_17.")],
    category: Annotated[list[str] | None, typer.Option(help="Only this data; may be repeated.")] = None,
    processor: Annotated[list[str] | None, typer.Option(help="Only here; may be repeated.")] = None,
    dsr: Annotated[UUID | None, typer.Option(help="Only the person who made this request.")] = None,
    identifier: Annotated[list[str] | None, typer.Option(help=_IDENTIFIER)] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All erasures of the controller.")] = False,
    article: Annotated[str | None, typer.Option(help="Default: the ground's own.")] = None,
    as_json: Json = False,
) -> None:
    """State that erasures are to be held; another person has to approve it."""
    people = _identifiers(identifier or ())

    async def act(holds: HoldsClient) -> dict[str, Any]:
        return await holds.place(
            controller,
            ground=ground,
            matter=matter,
            article=article,
            processors=processor or (),
            categories=category or (),
            dsr_id=dsr,
            identifiers=people,
            everything=everything,
        )

    _one(act, as_json=as_json)


@app.command()
def approve(hold_id: HoldId, as_json: Json = False) -> None:
    """Approve what somebody else proposed about a hold: to place it, or to lift it."""
    _one(lambda holds: holds.approve(hold_id), as_json=as_json)


@app.command()
def lift(hold_id: HoldId, as_json: Json = False) -> None:
    """State that a hold is over; when another person approves, what it stopped goes on by itself."""
    _one(lambda holds: holds.lift(hold_id), as_json=as_json)


@app.command()
def show(hold_id: HoldId, as_json: Json = False) -> None:
    """One hold: its scope, its people, the requests that it is on."""
    _one(lambda holds: holds.show(hold_id), as_json=as_json)


@app.command("list")
def list_(
    matter: Annotated[str | None, typer.Option(help="Only of this matter.")] = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that are over too.")] = False,
    as_json: Json = False,
) -> None:
    """Holds of your controllers, the newest first."""
    found = _ask(lambda holds: holds.page(matter=matter, lifted=lifted))
    if as_json:
        print_json(found)
        return
    columns = ("hold", "controller", "matter", "scope", "state", "requests")
    rows = [(h["hold"], h["controller_id"], h["matter"], _scope(h), _state(h), h["covers"]) for h in found]
    print_table(columns, rows, nothing="Nothing is held.")


@app.command()
def kept(
    before: Annotated[str | None, typer.Option(help="Only what is erased before this moment (with offset).")] = None,
    as_json: Json = False,
) -> None:
    """What closed requests left with their processors, and when it is erased by itself."""
    at = instant(before, "--before")
    found = _ask(lambda holds: holds.kept(at))
    if as_json:
        print_json(found)
        return
    columns = ("request", "processor", "collection", "category", "rows", "ground", "until")
    rows = [
        (k["dsr_id"], k["processor_id"], k["collection"], k["category"], k["rows"], k["ground"], k["until"] or "open")
        for k in found
    ]
    print_table(columns, rows, nothing="Nothing is kept.")


def _identifiers(given: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given:
        kind, equals, value = text.partition("=")
        if not (kind and equals and value):
            raise typer.BadParameter("write kind=value, for example email=…", param_hint="--identifier")
        found.setdefault(kind, []).append(value)
    return found


def _scope(hold: dict[str, Any]) -> str:
    parts = ["one person"] if hold["person"] else []
    parts += [", ".join(hold["categories"])] if hold["categories"] else []
    parts += [f"at {', '.join(hold['processors'])}"] if hold["processors"] else []
    return "; ".join(parts) or "everything"


def _state(hold: dict[str, Any]) -> str:
    if hold["until"]:
        return "lifted"
    if not hold["since"]:
        return "waits for approval"
    return "lifting waits for approval" if hold["lifting_by"] else "in force"


def _one(act: Callable[[HoldsClient], Awaitable[dict[str, Any]]], *, as_json: bool) -> None:
    hold = _ask(act)
    if as_json:
        print_json(hold)
        return
    print_pairs(
        [
            ("hold", hold["hold"]),
            ("controller", hold["controller_id"]),
            ("matter", hold["matter"]),
            ("ground", f"{hold['ground']}, {hold['article']}"),
            ("scope", _scope(hold)),
            ("state", _state(hold)),
            ("placed", f"{hold['placed_at']} by {hold['placed_by']}"),
            ("in force", hold["since"] and f"{hold['since']}, approved by {hold['approved_by']}"),
            ("lifted", hold["until"] and f"{hold['until']} by {hold['lifting_by']} and {hold['lifted_by']}"),
            ("requests", hold["covers"]),
        ]
    )
    for request in hold.get("requests") or ():
        print(
            f"  {request['dsr_id']}  since {request['since']}"
            + (f" until {request['until']}" if request["until"] else "")
        )


def _ask(act: Callable[[HoldsClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connect() as holds:
            return await act(holds)

    return asyncio.run(run())
