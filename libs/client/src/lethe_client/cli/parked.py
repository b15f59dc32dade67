"""`lethe parked`: messages that could not be taken, and partitions that wait for a person."""

# ruff: noqa: PLR0917, TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import json
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lethe_client.cli.output import Json, group, note, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_client.messaging import connect, named

if TYPE_CHECKING:
    from collections.abc import Sequence

app = group("Messages that could not be taken, and partitions that wait for a person. Every act is on record.")
_PLACE = re.compile(r"[A-Za-z0-9._-]{1,249}/\d{1,9}/\d{1,18}")


class ServiceName(StrEnum):
    INTAKE = "intake"
    ORCHESTRATOR = "orchestrator"
    ERASURE_WORKER = "erasure-worker"
    EXPORT_WORKER = "export-worker"
    BREACH_NOTIFIER = "breach-notifier"


Service = Annotated[ServiceName, typer.Option(help="Whose parking lot.")]
Every = Annotated[
    ServiceName | None, typer.Option(help="Only of this service; default: of all that are named.", show_default=False)
]
Topic = Annotated[str, typer.Option(help="Whose messages.")]
Code = Annotated[str | None, typer.Option(help="Only with this reason.", show_default=False)]
Where = Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", show_default=False)]
Places = Annotated[
    list[str] | None, typer.Argument(metavar="[TOPIC/PARTITION/OFFSET]...", help="Or --topic.", show_default=False)
]
Why = Annotated[str, typer.Option("--reason", help="A code of your own for the journal: connector_mended.")]
_DEFAULT = ServiceName.ORCHESTRATOR


@app.command("list")
def list_(
    service: Every = None,
    topic: Annotated[str | None, typer.Option(help="Only of this topic.", show_default=False)] = None,
    code: Code = None,
    state: Annotated[str, typer.Option(help="parked, retried, discarded, expired or any.")] = "parked",
    limit: Annotated[int, typer.Option(min=1, max=500, help="Of each service.")] = 100,
    after: Annotated[str | None, typer.Option(help="Where the page before ended; with --service.")] = None,
    as_json: Json = False,
) -> None:
    """List messages that could not be taken, by service and place; their content is never shown."""
    if after is not None and service is None:
        raise BadInput("--after belongs to the list of one service: add --service")
    services = [service] if service else [ServiceName(name) for name in named()]

    async def ask() -> list[tuple[ServiceName, dict[str, Any]]]:
        found = []
        for name in services:
            async with connect(name) as client:
                page = await client.parked(topic=topic, code=code, state=state, after=after, limit=limit)
                found.append((name, page))
        return found

    pages = asyncio.run(ask())
    if as_json:
        print_json(dict(pages) if service is None else pages[0][1])
        return
    rows = [
        (
            name,
            place_of(m),
            m["code"],
            m["state"],
            m["envelope"].get("type"),
            m["edited_by"] and "corrected",
            m["detail"],
        )
        for name, page in pages
        for m in page["items"]
    ]
    columns = ("service", "place", "code", "state", "type", "", "detail")
    print_table(columns, rows, nothing="None.")
    for name, page in pages:
        if page["next"] and sys.stdout.isatty():
            note(f"There are more: --service {name} --after {page['next']}")


def place_of(message: dict[str, Any]) -> str:
    return f"{message['topic']}/{message['partition']}/{message['offset']}"


@app.command()
def show(place: Where, service: Service = _DEFAULT, as_json: Json = False) -> None:
    """Show one message: why it was parked, its envelope, and the form of its body."""

    async def ask() -> dict[str, Any]:
        async with connect(service) as client:
            return await client.message(_checked(place))

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    plain = ("code", "detail", "state", "note", "edited_by", "bytes", "first_seen", "changed_at")
    print_pairs([("place", place_of(found)), *[(k, found[k]) for k in plain], *found["envelope"].items()])
    for name in ("form", "correction"):
        if found[name] is not None:
            print(f"{name}: {json.dumps(found[name], indent=2)}")


@app.command()
def retry(
    reason: Why,
    places: Places = None,
    topic: Annotated[str | None, typer.Option(help="All of this topic.", show_default=False)] = None,
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 1000,
    service: Service = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Send messages to their topic again; a corrected one as corrected, by somebody else than who corrected it."""
    _settle("retry", service, _choices(places, topic, code, limit, reason), as_json=as_json)


@app.command()
def discard(
    reason: Why,
    places: Places = None,
    topic: Annotated[str | None, typer.Option(help="All of this topic.", show_default=False)] = None,
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 1000,
    service: Service = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Settle messages without handling them."""
    _settle("discard", service, _choices(places, topic, code, limit, reason), as_json=as_json)


def _settle(act: str, service: ServiceName, choices: Sequence[dict[str, object]], *, as_json: bool) -> None:
    async def ask() -> int:
        async with connect(service) as client:
            return sum([await client.settle(act, choice) for choice in choices])

    count = asyncio.run(ask())
    if as_json:
        print_json({"count": count})
    else:
        print(f"{count} message(s): {act}")


def _choices(
    places: Sequence[str] | None, topic: str | None, code: str | None, limit: int, reason: str
) -> list[dict[str, object]]:
    if bool(places) == (topic is not None):
        raise BadInput("name messages (TOPIC/PARTITION/OFFSET), or --topic for all of one topic")
    if topic is not None:
        return [{"topic": topic, "code": code, "limit": limit, "reason": reason}]
    chosen: list[dict[str, object]] = []
    for place in places or ():
        name, partition, offset = _checked(place).split("/")
        spot = {"partition": int(partition), "offset": int(offset)}
        chosen.append({"topic": name, "code": code, "place": spot, "reason": reason})
    return chosen


@app.command()
def edit(
    place: Where,
    body: Annotated[Path, typer.Option(help="File with the whole corrected body as JSON; - reads standard input.")],
    reason: Why,
    type_: Annotated[str | None, typer.Option("--type", help="Another CloudEvents type.", show_default=False)] = None,
    service: Service = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Lay a corrected body beside a message. It stays parked until another person retries it."""
    text = sys.stdin.read() if str(body) == "-" else _text(body)
    try:
        corrected = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"--body is not JSON: line {error.lineno}, column {error.colno}") from None
    if not isinstance(corrected, dict):
        raise BadInput("--body is not a JSON object: give the whole body of the message")

    async def ask() -> None:
        async with connect(service) as client:
            await client.edit(_checked(place), corrected, type_=type_, reason=reason)

    asyncio.run(ask())
    if as_json:
        print_json({"edited": place})
    else:
        print(f"corrected; another person sends it: lethe parked retry {place} --service {service} --reason …")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--body {path}: {error.strerror}") from None


@app.command()
def partitions(
    service: Service = _DEFAULT,
    stopped: Annotated[bool, typer.Option("--stopped", help="Only those that wait for a person.")] = False,
    as_json: Json = False,
) -> None:
    """Show where each partition of a service stands, and why one does not go on."""

    async def ask() -> list[dict[str, Any]]:
        async with connect(service) as client:
            return await client.partitions()

    found = [p for p in asyncio.run(ask()) if p["stopped"] or not stopped]
    if as_json:
        print_json({"items": found})
        return
    rows = [(p["topic"], p["partition"], p["next_offset"], p["updated_at"], p["stopped"]) for p in found]
    print_table(("topic", "partition", "next offset", "since", "stopped"), rows, nothing="None.")


@app.command()
def skip(
    place: Where,
    reason: Why,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many records to leave out.")] = 1,
    service: Service = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Leave out records that stop a partition, from the offset where it stands."""
    topic, partition, offset = _checked(place).split("/")

    async def ask() -> int:
        async with connect(service) as client:
            return await client.skip(topic, int(partition), int(offset), count=count, reason=reason)

    following = asyncio.run(ask())
    if as_json:
        print_json({"next_offset": following})
    else:
        print(f"{topic}/{partition} goes on at {following}")


@app.command()
def offset(
    topic: Topic,
    to: Annotated[int, typer.Option(min=0, help="0 for a topic that was made anew.")],
    reason: Why,
    partition: Annotated[int | None, typer.Option(help="Default: every partition.", show_default=False)] = None,
    service: Service = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Let partitions go on at another offset; what is handled twice has no effect twice, what is left out is lost."""

    async def ask() -> int:
        async with connect(service) as client:
            return await client.move(topic, partition, to, reason=reason)

    count = asyncio.run(ask())
    if as_json:
        print_json({"count": count})
    else:
        print(f"{count} partition(s) of {topic} go on at {to}")


@app.command()
def journal(service: Service = _DEFAULT, as_json: Json = False) -> None:
    """Print what people did to the messaging of a service, checked link by link."""

    async def ask() -> list[dict[str, Any]]:
        async with connect(service) as client:
            return await client.journal()

    entries = asyncio.run(ask())
    if as_json:
        print_json({"items": entries})
        return
    for entry in entries:
        told = json.loads(entry["content"])
        who = f"{told['at']}  {told['act']}  {told['by']}  {told['reason']}"
        print(f"{entry['seq']:>4}  {who}  {json.dumps(told['done'])}")


def _checked(place: str) -> str:
    if not _PLACE.fullmatch(place):
        raise BadInput(f"{place!r} is not TOPIC/PARTITION/OFFSET: take it from `lethe parked list`")
    return place
