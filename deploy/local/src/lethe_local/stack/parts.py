"""From the manifest to programs that can be started: each with its environment, and how it shows that it is ready."""

from __future__ import annotations

import base64
import shlex
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lethe_local.processes.ports import HOST
from lethe_local.processes.ready import HttpReady
from lethe_local.processes.spec import ProcessSpec
from lethe_local.stack import databases, samples
from lethe_local.stack.keys import AUDIENCE
from lethe_local.stack.roster import Needs, Part, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_local.stack.config import Config
    from lethe_local.stack.keys import Keys

PROCESSOR_SCOPES = ("part:write", "vault:redeem")
PROCESSOR_TOKEN = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known once engines, databases and keys are there. `token_keys`: by Kafka-native processor.

    `admin`: DSN of the superuser, at the address by which services reach PostgreSQL.
    """

    config: Config
    keys: Keys
    admin: str
    credentials: Mapping[str, str]
    token_keys: Mapping[str, bytes]


def specs(known: Known) -> list[ProcessSpec]:
    return [_spec(part, known) for part in members(known.config)]


def _spec(part: Part, known: Known) -> ProcessSpec:
    config = known.config
    port = config.ports[part.program]
    filled = [a.format(port=port, people=config.people, seed=config.seed) for a in part.arguments]
    filled += shlex.split(config.environment.get(f"{part.name.upper()}_ARGUMENTS", ""))
    return ProcessSpec(
        name=part.program,
        argv=(sys.executable, "-m", part.module, *filled),
        env=environment(part, known),
        ready=HttpReady(port),
        grace=20.0,
    )


def environment(part: Part, known: Known) -> dict[str, str]:
    """What the program reads when it starts."""
    config = known.config
    told = {
        "LETHE_HTTP": f"{HOST}:{config.ports[part.program]}",
        "LETHE_PARTITIONS": str(config.partitions),
        "PYTHONUNBUFFERED": "1",
    }
    by_need = {
        Needs.KAFKA: {"LETHE_KAFKA": config.kafka_address},
        Needs.POSTGRES: {"LETHE_POSTGRES": databases.service_dsn(known.admin, config.state, part.name)},
        Needs.TOKENS: {
            "LETHE_AUTH_ISSUER": known.keys.issuer_name,
            "LETHE_AUTH_AUDIENCE": AUDIENCE,
            "LETHE_AUTH_PUBLIC_KEY": str(known.keys.issuer_public),
        },
        Needs.VAULT: {"LETHE_VAULT_KEYS": str(known.keys.vault)},
        Needs.REGISTER: {"LETHE_REGISTER": str(config.register)},
        Needs.CONTROLLERS: {"LETHE_CONTROLLERS": str(config.controllers)},
        Needs.BREACH_POLICY: {"LETHE_BREACH_POLICY": str(config.breach_policy)},
        Needs.SIGNING: {"LETHE_SIGNING_KEY": str(known.keys.signing)},
        Needs.CREDENTIALS: dict(known.credentials),
        Needs.READING: {k: v for k, v in known.credentials.items() if k not in samples.writing(config.register)},
        Needs.OWN_CREDENTIALS: {k: v for k, v in known.credentials.items() if k.startswith(f"{part.name.upper()}_")},
        Needs.DATABASE_FILE: {f"{part.name.upper()}_DB": str(samples.database_file(config, part.name))},
        Needs.PARTICIPANT: _participant(part, known) if Needs.PARTICIPANT in part.needs else {},
    }
    for need, values in by_need.items():
        if need in part.needs:
            told |= values
    return told


def _participant(part: Part, known: Known) -> dict[str, str]:
    key = known.token_keys.get(part.name, b"")
    token = known.keys.token(
        f"processor:{part.name}", scopes=PROCESSOR_SCOPES, processor=part.name, ttl=PROCESSOR_TOKEN
    )
    return {
        f"{part.name.upper()}_TOKEN_KEY": base64.urlsafe_b64encode(key).decode(),
        "LETHE_INTAKE_URL": known.config.url("intake"),
        "LETHE_PARTS_URL": known.config.url("export_worker"),
        "LETHE_TOKEN": token,
    }
