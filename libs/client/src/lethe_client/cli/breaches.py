"""`lethe breach`: for the team that is woken at night."""

# ruff: noqa: PLR0917, TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from lethe_client.breaches import connect, connect_to_report
from lethe_client.cli import breach_people
from lethe_client.cli.output import Json, group, note, print_json, print_pairs, print_table
from lethe_client.cli.sagas import instant
from lethe_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_client.breaches import BreachClient

app = group("Breaches: report one, and bring its case to the last notice, within 72 hours.")
breach_people.add_to(app)

Id = Annotated[UUID, typer.Argument(metavar="CASE_ID", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why: it is part of the documentation (Art. 33(5)).", show_default=False)]


@app.command()
def report(
    controller: Annotated[list[str], typer.Option(help="Whose data; more than one may be named.", show_default=False)],
    reporter: Annotated[str, typer.Option(help="person, processor or monitoring.")] = "person",
    processor: Annotated[str | None, typer.Option(help="Which processor gives notice (Art. 33(2)).")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="A system that is concerned.", show_default=False)] = None,
    subjects: Annotated[int | None, typer.Option(help="How many people, estimated.")] = None,
    occurred_from: Annotated[str | None, typer.Option(help="When it began (with offset).")] = None,
    description: Annotated[str | None, typer.Option(help="What happened; - reads it. It is sealed.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key, to send the same report again.")] = None,
    as_json: Json = False,
) -> None:
    """Report what may be a personal data breach."""
    began = instant(occurred_from, "--occurred-from")
    said = {
        "controllers": controller,
        "reporter": reporter,
        "processor_id": processor,
        "assets": asset or [],
        "subjects": subjects,
        "occurred_from": began.isoformat() if began else None,
        "description": sys.stdin.read() if description == "-" else description,
    }
    body = {k: v for k, v in said.items() if v is not None}

    async def ask() -> dict[str, Any]:
        async with connect_to_report() as intake:
            return await intake.report(body, idempotency_key=key)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
    else:
        print_pairs([("breach", found["breach_id"]), ("accepted", found["accepted_at"])])


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="Only in this state; default: every open one.")] = None,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    after: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: Json = False,
) -> None:
    """List cases by hours left."""

    async def ask() -> dict[str, Any]:
        async with connect() as notifier:
            return await notifier.page(after, state=state, controller=controller, limit=limit)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    rows = [
        (c["case_id"], c["state"], _left(c), c["due"], c["source"], " ".join(a["code"] for a in c["alerts"]))
        for c in found["items"]
    ]
    print_table(("case", "state", "left", "due", "source", "alerts"), rows, nothing="No cases.")
    if found["next"] and sys.stdout.isatty():
        note(f"There are more: --after {found['next']}")


def _left(case: Mapping[str, Any]) -> str:
    left = case["hours_left"]
    if left is None:
        return "-"
    return f"{left:.1f} h" if left >= 0 else f"late {-left:.1f} h"


@app.command()
def show(case_id: Id, as_json: Json = False) -> None:
    """Show one case: clock, answers, what is missing for the next filing, what happened."""

    async def ask() -> dict[str, Any]:
        async with connect() as notifier:
            return await notifier.case(case_id)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    decision = found["decision"] or {}
    print_pairs(
        [
            ("case", found["case_id"]),
            ("controller", found["controller_id"]),
            ("state", found["state"]),
            ("left", _left(found)),
            ("due", found["due"]),
            ("legal end", found["legal_end"]),
            ("severity", found["severity"]),
            ("people", _people(found["counted"])),
            ("decided by", " and ".join(n for n in (decision.get("by"), decision.get("confirmed_by")) if n)),
            *(("to do", step) for step in found["missing"]),
            *(
                (f"case {o['as']}", f"{o['case_id']} ({o['controller_id']}, {o['state']})")
                for o in found["belongs_with"]
            ),
            *(("alert", f"{a['code']}: {a['next_step']}") for a in found["alerts"]),
        ]
    )
    rows = [(m["at"], m["kind"], m["by"], m["state"], m["article"]) for m in found["timeline"]]
    print_table(("at", "what", "by", "state", "article"), rows, nothing="Nothing happened.")
    calls = [
        (c["created_at"], c["receiver"], c["about"], c["taken_at"] or f"not taken, {c['tries']} tries", c["trouble"])
        for c in found["calls"]
    ]
    if calls:
        print_table(("called at", "who", "about", "taken at", "trouble"), calls, nothing="")


def _people(counted: Mapping[str, Any] | None) -> str:
    if counted is None:
        return ""
    upper = "any number" if counted["upper"] is None else counted["upper"]
    return f"{counted['lower']} to {upper}"


def opened() -> BreachClient:
    return connect()


def act(case_id: UUID, what: str, body: Mapping[str, Any] | None, as_json: bool) -> None:
    async def ask() -> dict[str, Any]:
        async with connect() as notifier:
            return await notifier.act(case_id, what, body)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    if not found["applied"]:
        note(f"nothing was changed: {found['detail']}")
    gaps = ", ".join(map(str, found.get("gaps", [])))
    print_pairs([("state", found["state"]), ("due", found["due"]), ("version", found.get("number")), ("gaps", gaps)])


@app.command()
def aware(
    case_id: Id,
    reason: Reason,
    at: Annotated[str | None, typer.Option(help="Since when (with offset); default: now.")] = None,
    again: Annotated[bool, typer.Option("--again", help="It happened again: a new clock.")] = False,
    as_json: Json = False,
) -> None:
    """Declare that the controller is aware: starts the 72 hours."""
    since = instant(at, "--at") or datetime.now(UTC)
    body = {"aware_at": since.isoformat(), "reason": reason}
    act(case_id, "recurrence" if again else "aware", body, as_json)


@app.command()
def assess(
    case_id: Id,
    facts: Annotated[Path, typer.Argument(help="A JSON file of facts, as for `lethe law assess`; - reads it.")],
    severity: Annotated[str | None, typer.Option(help="dpc=3,ei=0.75,cb_malicious=0.5 (ENISA).")] = None,
    as_json: Json = False,
) -> None:
    """State the facts; the rules propose whom to tell."""
    try:
        found = json.loads(sys.stdin.read() if str(facts) == "-" else facts.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{facts}: not a file of JSON that can be read ({type(error).__name__})") from None
    body: dict[str, Any] = {"facts": found}
    if severity is not None:
        body["severity"] = dict(pair.partition("=")[::2] for pair in severity.split(","))
    act(case_id, "facts", body, as_json)


@app.command()
def decide(
    case_id: Id,
    authority: Annotated[bool, typer.Option("--authority/--no-authority", help="Tell the authority.")] = True,
    subjects: Annotated[bool, typer.Option("--subjects/--no-subjects", help="Tell data subjects.")] = True,
    reason: Annotated[str | None, typer.Option(help="Why.", show_default=False)] = None,
    to: Annotated[list[str] | None, typer.Option(help="Code of an authority, for example DE-BE.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Confirm another person's no.")] = False,
    no_breach: Annotated[bool, typer.Option("--no-breach", help="Dismiss: no personal data breach.")] = False,
    as_json: Json = False,
) -> None:
    """Decide whom to tell; a no waits for a second person (--confirm)."""
    if confirm:
        act(case_id, "dismissal/confirm" if no_breach else "decision/confirm", None, as_json)
        return
    if reason is None:
        raise BadInput("--reason is needed: reasons are part of the documentation (Art. 33(5))")
    if no_breach:
        act(case_id, "dismissal", {"reason": reason}, as_json)
        return
    body = {"notify_authority": authority, "notify_subjects": subjects, "reasons": reason, "authorities": to or []}
    act(case_id, "decision", body, as_json)


@app.command()
def notify(
    case_id: Id,
    field: Annotated[list[str] | None, typer.Option(help="NUMBER=TEXT: a field that the case cannot know.")] = None,
    sign: Annotated[int | None, typer.Option(help="Sign off this version instead.")] = None,
    subjects_told: Annotated[int | None, typer.Option(help="Record that so many people were written to.")] = None,
    proof: Annotated[Path | None, typer.Option(help="The list of deliveries; its hash is kept.")] = None,
    subjects: Annotated[Path | None, typer.Option(help="Write to data subjects: a JSON file of what is said.")] = None,
    as_json: Json = False,
) -> None:
    """Draft the next version of the notice, sign one off, write to data subjects, or record that they were told."""
    if subjects is not None:
        breach_people.letters(case_id, subjects, as_json=as_json)
        return
    if sign is not None:
        act(case_id, f"notices/{sign}/sign", None, as_json)
        return
    if subjects_told is not None:
        if proof is None:
            raise BadInput("--proof is needed: the list of deliveries proves them")
        act(case_id, "subjects-told", {"told": subjects_told, "proof_sha256": sha256(proof)}, as_json)
        return
    pairs = [text.partition("=") for text in field or []]
    if any(not equals or not number.isdigit() for number, equals, _ in pairs):
        raise BadInput("--field is NUMBER=TEXT, for example --field 12='Acme GmbH'")
    act(case_id, "notices", {"fields": {number: value(text) for number, _, text in pairs}}, as_json)


def value(text: str) -> object:
    """JSON where it is JSON (a number, a list, null), else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({type(error).__name__})") from None


@app.command("file")
def file_(
    case_id: Id,
    version: Annotated[int, typer.Argument(help="The version that was signed off.")],
    to: Annotated[str, typer.Option(help="Code of the authority.", show_default=False)],
    reference: Annotated[str, typer.Option(help="What the authority calls it.", show_default=False)],
    copy: Annotated[Path, typer.Option(help="The copy of what was sent; its hash is kept.", show_default=False)],
    at: Annotated[str | None, typer.Option(help="When (with offset); default: now.")] = None,
    reasons_for_delay: Annotated[str, typer.Option(help="After the 72 hours.")] = "",
    as_json: Json = False,
) -> None:
    """Record that a version was filed: with the authority's reference, the instant and a copy."""
    filed = instant(at, "--at") or datetime.now(UTC)
    body = {
        "authority": to,
        "reference": reference,
        "filed_at": filed.isoformat(),
        "copy_sha256": sha256(copy),
        "reasons_for_delay": reasons_for_delay,
    }
    act(case_id, f"notices/{version}/file", body, as_json)


@app.command()
def close(
    case_id: Id,
    effects: Annotated[str, typer.Option(help="What followed for people.", show_default=False)],
    measures: Annotated[str, typer.Option(help="What was done.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Close the case: effects and measures are documented (Art. 33(5))."""
    act(case_id, "close", {"effects": effects, "measures": measures}, as_json)
