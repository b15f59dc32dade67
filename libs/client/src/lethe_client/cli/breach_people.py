"""`lethe breach scope|affected|letters|settle-letters|public-text`: whom it concerns, and what they are told."""

# ruff: noqa: PLR0917, TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from lethe_client.breaches import connect
from lethe_client.cli.output import Json, print_json, print_pairs, print_table
from lethe_client.cli.sagas import instant
from lethe_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

Id = Annotated[UUID, typer.Argument(metavar="CASE_ID", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Put the commands beside those of the case."""
    for command in (scope, affected, letters, settle_letters, public_text):
        app.command(command.__name__.replace("_", "-"))(command)


def scope(
    case_id: Id,
    start: Annotated[str, typer.Option("--from", help="When the incident began (with offset).", show_default=False)],
    end: Annotated[str, typer.Option("--until", help="When it ended (with offset).", show_default=False)],
    processor: Annotated[
        list[str], typer.Option(help="PROCESSOR or PROCESSOR=CATEGORY,CATEGORY: what was reached.", show_default=False)
    ],
    complete: Annotated[
        list[str] | None, typer.Option(help="PROCESSOR=INSTANT: its subject events name everybody since then.")
    ] = None,
    population: Annotated[
        list[str] | None, typer.Option(help="PROCESSOR=NUMBER: how many people it held at most.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what the incident reached; who is concerned is found and counted."""
    reached: dict[str, dict[str, Any]] = {}
    for text in processor:
        name, _, categories = text.partition("=")
        reached[name] = {"categories": [c for c in categories.split(",") if c]}
    for name, at in _pairs(complete, "--complete"):
        since = instant(at, "--complete")
        reached.setdefault(name, {})["complete_since"] = since.isoformat() if since else None
    for name, number in _pairs(population, "--population"):
        if not number.isdigit():
            raise BadInput("--population is PROCESSOR=NUMBER, for example --population shop=5000")
        reached.setdefault(name, {})["population"] = int(number)
    began, ended = instant(start, "--from"), instant(end, "--until")
    assert began is not None
    assert ended is not None
    body = {"start": began.isoformat(), "end": ended.isoformat(), "processors": reached}
    found = _ask(case_id, "scope", body)
    print_json(found) if as_json else print_pairs([("scope", found["number"])])


def _pairs(texts: list[str] | None, option: str) -> list[tuple[str, str]]:
    found = [text.partition("=") for text in texts or []]
    if any(not equals or not value for _, equals, value in found):
        raise BadInput(f"{option} is PROCESSOR=VALUE")
    return [(name, value) for name, _, value in found]


def affected(case_id: Id, as_json: Json = False) -> None:
    """Show how many people are concerned, by scope, and what searches came to."""
    found = _see(case_id, "affected")
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found["scopes"]:
        failed = " ".join(f"{s['processor_id']}:{s['failure']}" for s in one["searches"] if s["failure"])
        upper = "?" if one["counted_at"] and one["upper"] is None else one["upper"]
        rows.append((one["number"], one["lower"], upper, one["added"], one["removed"], one["counted_at"], failed))
    columns = ("scope", "at least", "at most", "came in", "came out", "counted", "not searched")
    print_table(columns, rows, nothing="Nobody has said yet what the incident reached: lethe breach scope.")


def letters(
    case_id: Id,
    texts: Annotated[
        Path | None, typer.Argument(help="A JSON file of what the letters say, by language; - reads it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write to the people concerned (Art. 34), each once; without a file: show what became of the letters."""
    if texts is not None:
        found = _ask(case_id, "letters", _file(texts))
        print_json(found) if as_json else print_pairs([("mailing", found["number"])])
        return
    found = _see(case_id, "letters")
    if as_json:
        print_json(found)
        return
    rows = [
        (m["number"], m["scope"], m["state"], m["reason"], m["ordered_by"], m["ended_at"]) for m in found["mailings"]
    ]
    print_table(("mailing", "scope", "state", "reason", "by", "ended"), rows, nothing="No letters.")
    print_pairs([*sorted(found["letters"].items()), ("repeats", found["repeats"])])


def settle_letters(
    case_id: Id,
    reason: Annotated[str, typer.Option(help="Why.", show_default=False)],
    send_again: Annotated[bool, typer.Option("--send-again/--give-up", help="Send them once more.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on letters that may have been accepted: send them once more, or count them as not delivered."""
    found = _ask(case_id, "letters/doubts", {"send_again": send_again, "reason": reason})
    print_json(found) if as_json else print_pairs([("letters", found["letters"])])


def public_text(
    case_id: Id,
    texts: Annotated[Path, typer.Argument(help="As for letters, with `affected`: who has to think of themselves.")],
    as_json: Json = False,
) -> None:
    """Render the public communication in place of letters (Art. 34(3)(c))."""
    found = _ask(case_id, "public-text", _file(texts))
    if as_json:
        print_json(found)
        return
    for text in found["texts"].values():
        sys.stdout.write(f"{text['subject']}\n\n{text['text']}\n")


def _file(path: Path) -> Any:
    try:
        return json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a file of JSON that can be read ({type(error).__name__})") from None


def _ask(case_id: UUID, act: str, body: Mapping[str, Any]) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with connect() as notifier:
            return await notifier.act(case_id, act, body)

    return asyncio.run(ask())


def _see(case_id: UUID, what: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with connect() as notifier:
            return await notifier.see(case_id, what)

    return asyncio.run(ask())
