"""What has to be in PostgreSQL before a service starts: database, roles, schemas, the vault. Safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from lethe_local.errors import Missing, NotReady
from lethe_local.processes.ports import HOST
from lethe_local.state import checkout
from lethe_postgres import Database
from lethe_vault import FileKeys, Vault, install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_local.stack.keys import Keys
    from lethe_local.state import State

DATABASE = "lethe"
SERVICES = ("intake", "orchestrator", "erasure_worker", "export_worker", "breach_notifier")
VAULT_OWNER = "lethe_vault"


def at(dsn: str, database: str, *, user: str | None = None, password: str = "") -> str:
    """The same server, with another database and, if given, another role."""
    parts = urlsplit(dsn)
    login = f"{quote(user)}:{quote(password)}@" if user else f"{parts.netloc.rpartition('@')[0]}@"
    return urlunsplit(parts._replace(netloc=f"{login}{parts.netloc.rpartition('@')[2]}", path=f"/{database}"))


def through(dsn: str, port: int | None) -> str:
    """The same, by another port of this machine; None: as it is."""
    parts = urlsplit(dsn)
    login = parts.netloc.rpartition("@")[0]
    return dsn if port is None else urlunsplit(parts._replace(netloc=f"{login}@{HOST}:{port}"))


def service_dsn(admin: str, state: State, service: str) -> str:
    """DSN of a service's own role."""
    return at(admin, DATABASE, user=service, password=state.secret(f"role-{service}"))


async def prepare(admin: str, state: State) -> None:
    """Lethe's own database. `admin` is a superuser's DSN."""
    try:
        await create_database(admin, DATABASE)
        connection = await asyncpg.connect(at(admin, DATABASE))
    except (OSError, asyncpg.PostgresError) as error:
        raise NotReady(f"cannot prepare PostgreSQL: {error}. Is LETHE_POSTGRES the address of a superuser?") from error
    try:
        for service in SERVICES:
            await connection.execute(
                "SELECT set_config($1, $2, false)", f"lethe.password_{service}", state.secret(f"role-{service}")
            )
        await connection.execute(_roles_sql())
    finally:
        await connection.close()
    await install(at(admin, DATABASE), grant_to=SERVICES, owner=VAULT_OWNER)


async def create_database(admin: str, name: str) -> None:
    connection = await asyncpg.connect(admin)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


async def processor_keys(admin: str, state: State, keys: Keys, processors: Sequence[str]) -> dict[str, bytes]:
    """The keys under which these Kafka-native processors make subject tokens, to be handed to their operators."""
    dsn = service_dsn(admin, state, "orchestrator")
    database = await Database.connect(dsn, schema="public", min_size=1, max_size=1, application_name="lethe-local")
    try:
        vault = Vault(database, FileKeys(keys.vault), redeemer="lethe-local")
        return {processor: await vault.processor_key(processor) for processor in processors}
    finally:
        await database.close()


def _roles_sql() -> str:
    path = checkout() / "deploy" / "roles.sql"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Missing(f"{path} is missing. Run this from a checkout of Lethe.") from None
