"""The tree of commands."""

from __future__ import annotations

import typer

from lethe_client.cli import (
    batches,
    breach_cases,
    breaches,
    certificates,
    decisions,
    dsrs,
    holds,
    identity,
    law,
    parked,
    registers,
    requests,
    sagas,
    submitting,
    tokens,
)
from lethe_client.cli.exits import HELP

app = typer.Typer(
    name="lethe",
    help=f"Data-subject requests: submit, follow, look after, prove.\n\n{HELP}\n\n"
    "LETHE_INTAKE_URL, LETHE_ORCHESTRATOR_URL and LETHE_TOKEN say where the services are and who asks; without them "
    "the stack that runs in this directory is used (.local/env).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)
app.add_typer(dsrs.app, name="dsr")
submitting.add_to(dsrs.app)
identity.add_to(dsrs.app)
batches.add_to(dsrs.app)
requests.add_to(sagas.app)
decisions.add_to(sagas.app)
app.add_typer(sagas.app, name="saga")
app.add_typer(holds.app, name="hold")
app.add_typer(sagas.incidents, name="incident")
app.add_typer(parked.app, name="parked")
app.add_typer(registers.app, name="register")
breach_cases.add_to(breaches.app)
app.add_typer(breaches.app, name="breach")
app.add_typer(certificates.app, name="certificate")
app.add_typer(law.app, name="law")
app.add_typer(tokens.app, name="token")
