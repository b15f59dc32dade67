"""Holding a register against the databases that it describes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg

from lethe_events.words import Verb
from lethe_processors.dataset import Graph
from lethe_processors.errors import CredentialMissing
from lethe_processors.problems import Problem
from lethe_processors.register.models import SqlSettings
from lethe_processors.sql import advice
from lethe_processors.sql.catalog import read_catalog
from lethe_processors.sql.codes import code_of
from lethe_processors.sql.faults import faults
from lethe_processors.sql.fit import misfits, rights_to_restrict, rights_to_suppress
from lethe_processors.sql.plan import bind
from lethe_processors.sql.side import secret_key
from lethe_processors.verbs import CHANGES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from lethe_postgres import Tx
    from lethe_processors.credentials import Credentials
    from lethe_processors.register.models import Processor, Register
    from lethe_processors.sql.advice import Advice
    from lethe_processors.sql.plan import Plan

    _Examination = Callable[[Tx, Plan], Awaitable[list[Advice]]]

CONNECT_TIMEOUT = 5.0  # seconds


async def check_live(register: Register, credentials: Credentials) -> list[Problem]:
    """Problems between the register and the SQL databases as they are now. Reads only, with both credentials.

    A database that cannot be reached is a problem of its processor; the others are checked all the same.
    """
    found: list[Problem] = []
    for _, processor in sorted(register.processors.items()):
        if isinstance(processor.connector, SqlSettings) and processor.dataset is not None:
            found += await _Look(processor, processor.connector, credentials).all()
    return found


async def _nothing(_: Tx, __: Plan) -> list[Advice]:
    """Ordinary readers see what they see; that they can connect is all that is asked."""
    return []


class _Look:
    def __init__(self, processor: Processor, settings: SqlSettings, credentials: Credentials) -> None:
        assert processor.dataset is not None
        self._graph = Graph(processor.dataset, processor.identities)
        self._file = f"{processor.id}.yaml"
        self._dataset = settings.dataset
        self._settings = settings
        self._credentials = credentials
        self._verbs = processor.capabilities.verbs
        self._erases = Verb.ERASE in self._verbs

    async def all(self) -> list[Problem]:
        found = self._key()
        found += await self._with("read", self._settings.read, self._reading)
        if self._settings.write is not None and self._verbs & CHANGES:
            found += await self._with("write", self._settings.write, self._writing)
        if self._settings.ordinary is not None:
            found += await self._with("ordinary", self._settings.ordinary, _nothing)
        return found

    def _key(self) -> list[Problem]:
        try:
            secret_key(self._credentials, self._settings.key)
        except CredentialMissing as error:
            return [self._connector("key", f"{error}.", "then check again.")]
        return []

    async def _with(self, name: str, reference: str, look: _Examination) -> list[Problem]:
        try:
            connection = await asyncpg.connect(
                self._credentials.resolve(reference),
                timeout=CONNECT_TIMEOUT,
                server_settings={"default_transaction_read_only": "on", "application_name": "lethe-check"},
            )
        except CredentialMissing as error:
            return [self._connector(name, f"{error}.", "then check again.")]
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            message = f"the database cannot be reached with it ({code_of(error)})."
            return [
                self._connector(name, message, "correct address, role or password; the reference is in the register.")
            ]
        try:
            async with connection.transaction():
                plan = bind(self._graph, await read_catalog(connection, self._graph.dataset))
                return self._problems(await look(connection, plan))
        except asyncpg.PostgresError as error:
            message = f"the database refused to be looked at ({code_of(error)})."
            return [self._connector(name, message, "give the role USAGE on the schema and SELECT on the tables.")]
        finally:
            await connection.close()

    async def _reading(self, tx: Tx, plan: Plan) -> list[Advice]:
        found = [
            advice.Advice(f.where, f.message, f.fix)
            for f in faults(plan, has_key=self._settings.key is not None)
            if self._erases or f.reads
        ]
        misfitting = {f for verb in self._verbs for f in misfits(plan, verb)}
        found += [advice.Advice(f.where, f.message, f.fix) for f in sorted(misfitting, key=lambda f: (f.where, f.code))]
        found += advice.rights_to_read(plan)
        if self._erases:
            found += advice.undescribed(plan)
        if not any(a.blocking for a in found):  # generated statements only run where everything they name is there
            found += await advice.trial(tx, plan, datetime.now(UTC))
            found += await advice.existing_orphans(tx, plan)
        found += advice.slow_lookups(plan)
        return found

    async def _writing(self, _: Tx, plan: Plan) -> list[Advice]:
        found = list(advice.rights_to_erase(plan)) if self._erases else []
        if self._verbs & {Verb.RESTRICT, Verb.LIFT} and not misfits(plan, Verb.RESTRICT):
            found += rights_to_restrict(plan)
        if Verb.SUPPRESS in self._verbs:
            found += rights_to_suppress(plan)
        return found

    def _connector(self, name: str, message: str, fix: str) -> Problem:
        return Problem(self._file, None, f"connector.{name}", message, fix)

    def _problems(self, found: Iterable[Advice]) -> list[Problem]:
        return [Problem(self._dataset, None, ".".join(a.where), a.message, a.fix, a.blocking) for a in found]
