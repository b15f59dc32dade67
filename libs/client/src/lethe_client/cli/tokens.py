"""`lethe token`: tokens of a local issuer."""

# ruff: noqa: PLR0917 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from lethe_client.cli.output import Json, group, print_json
from lethe_client.errors import BadInput
from lethe_client.settings import Settings
from lethe_client.tokens import SCOPES
from lethe_client.tokens import issue as issue_token

app = group("Tokens of a local issuer, for a demo or a small deployment.")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@app.callback()
def _tokens() -> None:
    """More than one command is to come."""


@app.command()
def issue(
    controller: Annotated[list[str], typer.Option(help="A controller the token may speak for; may be repeated.")],
    subject: Annotated[str, typer.Option(help="Who it is for: a name that stands in the audit log.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"May be repeated. {' '.join(SCOPES)}")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is good: 900s, 15m, 8h, 1d.")] = "8h",
    processor: Annotated[str | None, typer.Option(help="Bind it to one Kafka-native processor.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="The issuer's Ed25519 private key (PEM).", envvar="LETHE_AUTH_PRIVATE_KEY")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="Its name.", envvar="LETHE_AUTH_ISSUER")] = None,
    as_json: Json = False,
) -> None:
    """Print a token signed with the local issuer's key; without --scope it may only read."""
    values = Settings.find().values
    key = key or _path(values.get("LETHE_AUTH_PRIVATE_KEY"))
    if key is None:
        raise BadInput("--key is needed: the private key of the local issuer (or LETHE_AUTH_PRIVATE_KEY)")
    scopes = scope or ["dsr:read", "saga:read", "register:read"]
    lifetime = _duration(ttl)
    token = issue_token(
        key,
        subject=subject,
        controllers=controller,
        scopes=scopes,
        ttl=lifetime,
        issuer=issuer or values.get("LETHE_AUTH_ISSUER", "https://issuer.lethe.example"),
        audience=values.get("LETHE_AUTH_AUDIENCE", "lethe"),
        processor_id=processor,
    )
    if as_json:
        print_json({"token": token, "scopes": scopes, "expires_in": int(lifetime.total_seconds())})
    else:
        print(token)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,6})([smhd])", text)
    if found is None:
        raise BadInput(f"--ttl {text!r} is not a duration: 900s, 15m, 8h, 1d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
