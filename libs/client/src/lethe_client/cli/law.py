"""`lethe law`: when a request has to be answered, and by when a breach has to be notified; offline."""

# ruff: noqa: PLR0917, TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from lethe_client.cli import law_breach
from lethe_client.cli.exits import Exit
from lethe_client.cli.output import Json, group, note, print_json, print_pairs
from lethe_client.errors import BadInput
from lethe_law import LawError, evaluate_cases, regime_of, zone_of
from lethe_law import due as statutory_due
from lethe_law.calendars import read_overrides
from lethe_law.history import history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_law import ClockResult, Event

app = group("The law that Lethe goes by: statutory dates and how they come about.")
app.command("breach-clock")(law_breach.breach_clock_command)
app.command("severity")(law_breach.severity_command)
app.command("assess")(law_breach.assess_command)
NOON = 12


@app.command()
def due(
    received: Annotated[
        str | None,
        typer.Option(help="When the request arrived: an instant with offset from UTC, or a local day."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="Where the controller is established: DE, GB-EAW, GB-SCT, CH, US-CA, BR, …")
    ] = None,
    regime: Annotated[
        str | None, typer.Option(help="gdpr, uk-gdpr, ch-fadp, ccpa, lgpd; default: the law of the country.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Where in the country, as in ISO 3166-2: BY for Bavaria; its holidays count too.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help='JSON: what happened since, [{"type": "id_requested", "at": "…", "reasons": "…"}, …].'),
    ] = None,
    holidays: Annotated[
        Path | None, typer.Option(help="CSV day,name,source: days to put right; an empty name makes a working day.")
    ] = None,
    refusal: Annotated[bool, typer.Option(help="The clock of a refusal, whole or partial: never extended.")] = False,
    explain: Annotated[bool, typer.Option(help="Also print inputs, rule, calendar and every step.")] = False,
    cases: Annotated[
        Path | None,
        typer.Option(help="Instead: a CSV file of worked cases; prints case_id,due_legal,due_strict for each."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Tell when a request has to be answered.

    The legal date is what lateness is judged by; the strict date is the earliest that a reading of the law gives,
    and alarms go by it. Both last until 24:00 local time.
    """
    if cases is not None:
        return _cases(cases, as_json)
    if received is None or country is None:
        raise BadInput("--received and --country are needed, or --cases")
    try:
        chosen = regime.lower() if regime else regime_of(country)
        happened = history(json.loads(events.read_text(encoding="utf-8"))) if events else ()
        result = statutory_due(
            _instant(received, country),
            country=country,
            regime=chosen,
            region=region.upper() if region else None,
            events=happened,
            refusal=refusal,
            overrides=read_overrides(holidays) if holidays else (),
        )
    except (LawError, OSError, ValueError) as error:
        raise BadInput(str(error)) from error
    if as_json:
        print_json(result.as_dict())
        return Exit.OK
    print_pairs([("due_legal", result.due_date_legal), ("due_strict", result.due_date_strict)])
    if explain:
        _explain(result, region, happened, refusal=refusal)
    return Exit.OK


def _explain(result: ClockResult, region: str | None, happened: Sequence[Event], *, refusal: bool) -> None:
    """The whole derivation: what went in, by which rule and calendar, each step."""
    place = result.country if region is None else f"{result.country}-{region.upper()}"
    print_pairs(
        [
            ("input", f"received {result.received_at.isoformat()}, {result.regime}, {place}, {result.zone}"),
            *(("input", f"{e.kind} {e.at.isoformat()}{f': {e.reasons}' if e.reasons else ''}") for e in happened),
            ("input", "a refusal: no notice extends its clock" if refusal else None),
            ("rule", f"{result.rule}, version {result.rule_version}"),
            ("articles", result.articles),
            ("calendar", result.calendar),
            ("in UTC", f"{result.due_legal.isoformat()}, strict {result.due_strict.isoformat()}"),
            ("state", ", ".join(_state(result))),
        ]
    )
    for step in result.steps:
        print(f"- {step}")


def _state(result: ClockResult) -> list[str]:
    flags = (("extended", result.extended), ("a question is open: the legal date moves when answered", result.pending))
    return [text for text, holds in flags if holds]


def _instant(text: str, country: str) -> datetime:
    """A bare day is taken as noon there: then only its date matters."""
    try:
        if "T" not in text and len(text) <= len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), ZoneInfo(zone_of(country))) + (
                timedelta(hours=NOON)
            )
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("--received is not a date or instant: 2026-03-31, or 2026-03-31T23:30:00Z") from None


def _cases(path: Path, as_json: bool) -> int:
    try:
        results = list(evaluate_cases(path))
    except (LawError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    if as_json:
        print_json(
            [
                {
                    "case_id": r.case_id,
                    "due_legal": r.due_legal,
                    "due_strict": r.due_strict,
                    "unsupported": r.unsupported,
                }
                for r in results
            ]
        )
    else:
        print("case_id,due_legal,due_strict")
        for r in results:
            print(f"{r.case_id},{r.due_legal or ''},{r.due_strict or ''}")
    sys.stdout.flush()
    unsupported = [r for r in results if r.unsupported]
    for r in unsupported:
        note(f"lethe: unsupported case {r.case_id}: {r.unsupported}")
    return Exit.NO if unsupported else Exit.OK
