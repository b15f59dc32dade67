"""`lethe law breach-clock`, `severity` and `assess`: the law of personal data breaches, offline."""

# ruff: noqa: PLR0917 - typer reads options from parameters

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lethe_client.cli.exits import Exit
from lethe_client.cli.output import Json, note, print_json, print_pairs
from lethe_client.errors import BadInput
from lethe_law import LawError, regime_of, zone_of
from lethe_law.breach.assess import Proposal, propose
from lethe_law.breach.cases import clock_cases, severity_cases
from lethe_law.breach.clock import breach_clock
from lethe_law.breach.facts import facts_of
from lethe_law.breach.rules import breach_rule
from lethe_law.breach.severity import inputs_of, severity

if TYPE_CHECKING:
    from collections.abc import Sequence

Cases = Annotated[Path | None, typer.Option(help="Instead: a CSV file of worked cases; one line for each row.")]


def breach_clock_command(
    aware: Annotated[
        str | None, typer.Option(help="When the controller became aware: an instant with offset from UTC.")
    ] = None,
    country: Annotated[str, typer.Option(help="Where the controller is established.")] = "DE",
    regime: Annotated[str | None, typer.Option(help="gdpr, uk-gdpr, ch-fadp, lgpd; default: of the country.")] = None,
    explain: Annotated[bool, typer.Option(help="Also print rule and every step.")] = False,
    cases: Cases = None,
    as_json: Json = False,
) -> int:
    """Tell by when a personal data breach has to be notified to the authority (GDPR Art. 33(1)).

    The operational target is exactly so many hours after awareness; the legal end, which lateness is judged by, is
    counted in full hours. Neither is ever moved by a weekend or holiday.
    """
    if cases is not None:
        return _clock_cases(cases, as_json)
    if aware is None:
        raise BadInput("--aware is needed, or --cases")
    try:
        found = breach_clock(
            datetime.fromisoformat(aware),
            zone=zone_of(country),
            regime=regime.lower() if regime else regime_of(country),
            country=country,
        )
    except (LawError, ValueError) as error:
        raise BadInput(f"--aware, --country or --regime: {error}") from error
    if as_json:
        print_json(asdict(found))
        return Exit.OK
    print_pairs([("operational_due_exact", _iso(found.due)), ("legal_end", _iso(found.legal_end))])
    if found.due is None:
        note("lethe: this law gives no number of hours: as soon as possible")
    if explain:
        for step in found.steps:
            print(f"- {step}")
    return Exit.OK


def severity_command(
    dpc: Annotated[str | None, typer.Option(help="Data processing context: 1 to 4.")] = None,
    ei: Annotated[str | None, typer.Option(help="Ease of identification: 0.25, 0.5, 0.75 or 1.")] = None,
    confidentiality: Annotated[str, typer.Option(help="0; 0.25 known recipients; 0.5 unknown number.")] = "0",
    integrity: Annotated[str, typer.Option(help="0; 0.25 recoverable; 0.5 not.")] = "0",
    availability: Annotated[str, typer.Option(help="0; 0.25 temporary; 0.5 full.")] = "0",
    malicious: Annotated[str, typer.Option(help="0, or 0.5 for malicious intent.")] = "0",
    cases: Cases = None,
    as_json: Json = False,
) -> int:
    """Compute the ENISA severity DPC × EI + CB and its band. An input to the assessment, not its outcome."""
    if cases is not None:
        return _severity_cases(cases, as_json)
    if dpc is None or ei is None:
        raise BadInput("--dpc and --ei are needed, or --cases")
    try:
        found = severity(
            inputs_of(
                {
                    "dpc": dpc,
                    "ei": ei,
                    "cb_confidentiality": confidentiality,
                    "cb_integrity": integrity,
                    "cb_availability": availability,
                    "cb_malicious": malicious,
                }
            )
        )
    except LawError as error:
        raise BadInput(str(error)) from error
    if as_json:
        print_json({"se": found.text, "band": found.band, "method": found.method})
    else:
        print_pairs([("se", found.text), ("band", found.band)])
    return Exit.OK


def assess_command(
    facts: Annotated[Path, typer.Option(help="A JSON file of facts (or with a member `facts`).")],
    regime: Annotated[str, typer.Option(help="Whose threshold counts: gdpr, uk-gdpr, ch-fadp.")] = "gdpr",
    on: Annotated[str | None, typer.Option(help="Day of awareness, for the rule of that day.")] = None,
    as_json: Json = False,
) -> int:
    """Propose whom a personal data breach has to be notified to, and name the facts that decided. A person decides."""
    try:
        read = json.loads(facts.read_text(encoding="utf-8"))
        given = read.get("facts", read) if isinstance(read, dict) else {}
        day = date.fromisoformat(on) if on else date.max
        found = propose(facts_of(given), breach_rule(regime.lower(), day))
    except (LawError, OSError, ValueError) as error:
        raise BadInput(f"{facts}: {error}") from error
    if as_json:
        print_json(asdict(found))
    else:
        _print_proposal(found)
    return Exit.OK


def _print_proposal(found: Proposal) -> None:
    print_pairs(
        [
            ("notify_authority", found.notify_authority),
            ("notify_subjects", found.notify_subjects),
            ("document", found.document),
            ("depends on", ", ".join(found.open_facts)),
            ("rules", f"{found.engine}, {found.rule_version}"),
        ]
    )
    for factor in found.factors:
        print(f"{'+' if factor.raises else '-'} {factor.text} ({factor.fact})")


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _clock_cases(path: Path, as_json: bool) -> int:
    try:
        found = list(clock_cases(path))
    except (LawError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    rows = [(c.case_id, _iso(c.due) or "", _iso(c.legal_end) or "", c.unsupported) for c in found]
    return _print_cases(("case_id", "operational_due_exact", "legal_end"), rows, as_json)


def _severity_cases(path: Path, as_json: bool) -> int:
    try:
        found = list(severity_cases(path))
    except (LawError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from error
    return _print_cases(("case_id", "se", "band"), [(c.case_id, c.se, c.band, c.unsupported) for c in found], as_json)


def _print_cases(columns: tuple[str, str, str], rows: Sequence[tuple[str, str, str, str]], as_json: bool) -> int:
    """A row that no rule covers has empty values and is named on stderr."""
    if as_json:
        print_json([dict(zip((*columns, "unsupported"), row, strict=True)) for row in rows])
    else:
        print(",".join(columns))
        for row in rows:
            print(",".join(row[:3]))
    sys.stdout.flush()
    unsupported = [row for row in rows if row[3]]
    for row in unsupported:
        note(f"lethe: unsupported case {row[0]}: {row[3]}")
    return Exit.NO if unsupported else Exit.OK
