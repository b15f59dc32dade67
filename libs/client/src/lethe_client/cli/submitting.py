"""`lethe dsr submit`: one request of one person, with what its right needs."""

# ruff: noqa: PLR0917 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from lethe_client.cli import dsrs
from lethe_client.cli.output import Json, print_json, print_pairs
from lethe_client.errors import BadInput, Unreachable
from lethe_client.models import NewDsr
from lethe_events.words import Channel, RestrictionGround, Right

if TYPE_CHECKING:
    from collections.abc import Sequence

_VALUE = "FIELD=VALUE"


Correct = Annotated[
    list[str] | None,
    typer.Option(metavar=_VALUE, help="With rectification: text; FIELD:=JSON for a number, true, false, null."),
]
Complete = Annotated[list[str] | None, typer.Option(metavar=_VALUE, help="The same for what is missing.")]
Contested = Annotated[bool, typer.Option("--contested", help="With rectification: restrict it meanwhile.")]
Categories = Annotated[list[str] | None, typer.Option(help="With rectification, restriction: which data.")]
Ground = Annotated[RestrictionGround | None, typer.Option(help="With restriction: Art. 18(1)(a) to (d).")]
Marketing = Annotated[bool, typer.Option("--direct-marketing", help="With objection: needs no grounds.")]
Purposes = Annotated[list[str] | None, typer.Option(help="With objection, consent withdrawal: what for.")]
Grounds = Annotated[str | None, typer.Option(help="With objection: the person's situation; sealed.")]
Formats = Annotated[list[str] | None, typer.Option("--format", help="With portability: json, csv, xml.")]
Decision = Annotated[str | None, typer.Option(help="With automated_decision: its reference.")]
Onward = Annotated[str | None, typer.Option(help="With portability: a target that the copy is also sent to.")]
Text = Annotated[str | None, typer.Option("--note", help="Free text; sealed like the identifiers.")]
Received = Annotated[str | None, typer.Option(help="When it did, with offset from UTC; default: now.")]
Country = Annotated[str | None, typer.Option(help="Whose calendar counts; default: the controller's.")]
Emails = Annotated[list[str] | None, typer.Option(help="An e-mail address of the person; may be repeated.")]
Whole = Annotated[
    Path | None, typer.Option(help="The whole request as JSON; - reads it from stdin. Keeps it out of the shell.")
]
Key = Annotated[str | None, typer.Option(help="Sent again with the same key, it is not carried out again.")]
More = Annotated[bool, typer.Option(help="With erasure: deliver a copy before erasing.")]


def submit(
    controller: Annotated[str | None, typer.Option(help="Who decides about the data.")] = None,
    right: Annotated[Right, typer.Option(help="Which right is exercised.")] = Right.ERASURE,
    email: Emails = None,
    phone: Annotated[list[str] | None, typer.Option(help="A phone number, with country code.")] = None,
    identifier: Annotated[list[str] | None, typer.Option(metavar="KIND=VALUE", help="Another identifier.")] = None,
    export_first: More = False,
    channel: Annotated[Channel, typer.Option(help="How the request reached the controller.")] = Channel.API,
    received_at: Received = None,
    country: Country = None,
    note_: Text = None,
    correct: Correct = None,
    complete: Complete = None,
    contested: Contested = False,
    category: Categories = None,
    ground: Ground = None,
    direct_marketing: Marketing = False,
    purpose: Purposes = None,
    grounds: Grounds = None,
    format_: Formats = None,
    decision: Decision = None,
    transmit_to: Onward = None,
    identity: Annotated[str, typer.Option(help="How the controller knew who asks.")] = "controller_session",
    file: Whole = None,
    idempotency_key: Key = None,
    as_json: Json = False,
) -> None:
    """Submit a request; prints its id and when it has to be answered.

    What stands on a command line can be seen by other users of the machine: use --file - for real people's data.
    """
    base: dict[str, object] = {"controller_id": controller, "right": right, "export_first": export_first}
    base |= {"channel": channel, "identity": {"method": identity}}
    base |= {"received_at": received_at, "country": country, "note": note_}
    asked: dict[str, object] = {"contested": contested or None, "direct_marketing": direct_marketing or None}
    asked |= {"categories": category, "ground": ground, "grounds": grounds, "purposes": purpose}
    asked |= {"formats": format_, "decision": decision, "transmit_to": transmit_to}
    if file is not None:
        request = _parse(_read(file))
    else:
        people = _identifiers(email or (), phone or (), identifier or ())
        values = {"corrections": _values("--correct", correct), "completions": _values("--complete", complete)}
        request = _request({**base, **asked, **values, "identifiers": people})
    asyncio.run(_submit(request, idempotency_key or secrets.token_urlsafe(24), as_json))


async def _submit(request: NewDsr, key: str, as_json: bool) -> None:
    async with dsrs.client() as intake:
        try:
            accepted = await intake.submit(request, idempotency_key=key)
        except Unreachable as error:
            raise Unreachable(f"{error} To send the same request again: --idempotency-key {key}") from error
    if as_json:
        print_json(accepted)
    else:
        print_pairs(
            [
                ("dsr", accepted.dsr_id),
                ("state", accepted.status),
                ("answer by", f"{accepted.due_date} ({accepted.rule})"),
                ("alarms by", accepted.due_strict.isoformat()),
                (
                    "repeats",
                    accepted.repeats or ("this open one: nothing new was stored" if accepted.attached else None),
                ),
            ]
        )


def _identifiers(emails: Sequence[str], phones: Sequence[str], others: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    pairs = [("email", v) for v in emails] + [("phone_number", v) for v in phones]
    for text in others:
        kind, separator, value = text.partition("=")
        if not separator or not kind or not value:
            raise BadInput("--identifier needs KIND=VALUE, for example customer_id=C-10042")
        pairs.append((kind, value))
    for kind, value in pairs:
        found.setdefault(kind, []).append(value)
    return found


def _values(option: str, given: Sequence[str] | None) -> dict[str, object] | None:
    """`FIELD=TEXT` or `FIELD:=JSON`."""
    found: dict[str, object] = {}
    for text in given or ():
        field, separator, value = text.partition("=")
        typed = field.endswith(":")
        field = field.removesuffix(":")
        if not separator or not field:
            raise BadInput(f"{option} needs {_VALUE}, for example user.name.last=Example, or FIELD:=JSON")
        try:
            found[field] = json.loads(value) if typed else value
        except ValueError:
            raise BadInput(f"{option} {field}:= is not followed by JSON") from None
    return found or None


def _read(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {type(error).__name__}") from error


def _parse(text: str) -> NewDsr:
    try:
        content = json.loads(text)
    except ValueError:
        raise BadInput("the request is not JSON") from None
    return _request(content)


def _request(content: object) -> NewDsr:
    try:
        request = NewDsr.model_validate(content)
    except ValidationError as error:
        wrong = (f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False))
        raise BadInput("the request is not complete: " + "; ".join(wrong)) from None
    if not request.identifiers:
        raise BadInput("a person needs an identifier: --email, --phone or --identifier KIND=VALUE")
    return request


def add_to(app: typer.Typer) -> None:
    """The command, before those about requests that are there."""
    app.command("submit")(submit)
