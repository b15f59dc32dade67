"""Versions of the register: files in, rows kept for ever, views in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from lethe_events.words import Verb
from lethe_messaging import ensure_topics
from lethe_postgres import load_queries
from lethe_processors.register import load_register
from orchestrator.application.ports import RegisterView
from orchestrator.application.registers import Brought
from orchestrator.domain.errors import RegisterRefused
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import ProcessorRules, Reach, Unverifiable, cycle

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from lethe_messaging import KafkaSettings
    from lethe_postgres import Tx
    from orchestrator.application.topics import Topics

_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)


class FileRegister:
    """Implements `RegisterFiles`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> tuple[str, Mapping[str, object]]:
        """Raises RegisterError with every problem of the files."""
        register = load_register(self._directory)
        described = {name: p.model_dump(mode="json", by_alias=True) for name, p in sorted(register.processors.items())}
        return register.version, {"processors": described}


class PostgresRegisters:
    """Implements `Registers` and `RegisterRows`."""

    def __init__(self) -> None:
        self._sql = load_queries("orchestrator.adapters", "registers.sql")
        self._views: dict[int, RegisterView] = {}
        self._ids: dict[str, int] = {}

    async def view(self, tx: Tx, register_id: int) -> RegisterView:
        found = self._views.get(register_id)
        if found is None:
            row = await tx.fetchrow(self._sql["version"], register_id)
            assert row is not None, "rows of the register are never deleted"
            found = self._remember(register_id, row["sha256"].hex(), row["content"])
        return found

    def known(self, register_id: int) -> RegisterView:
        return self._views[register_id]

    def id_of(self, version: str) -> int:
        return self._ids[version]

    async def bring_into_force(self, tx: Tx, version: str, content: Mapping[str, object], by: str) -> Brought:
        """Going back to an earlier version brings it into force anew, under a new id.

        Raises RegisterRefused for processors that wait for each other in a circle.
        """
        view_of(0, version, content)
        await tx.execute(self._sql["one_at_a_time"])
        newest = await tx.fetchrow(self._sql["in_force"])
        if newest is not None and newest["sha256"].hex() == version:
            return Brought(newest["id"], version, is_new=False)
        register_id = await tx.fetchval(self._sql["insert"], bytes.fromhex(version), content, by)
        return Brought(register_id, version, is_new=True)

    def _remember(self, register_id: int, version: str, content: Mapping[str, object]) -> RegisterView:
        view = view_of(register_id, version, content)
        self._views[register_id] = view
        self._ids[version] = register_id
        return view


class KafkaTopics:
    """Implements `Topics` of the register's keeping."""

    def __init__(self, settings: KafkaSettings, topics: Topics, partitions: int) -> None:
        self._settings = settings
        self._topics = topics
        self._partitions = partitions

    async def ensure(self, processors: Collection[str]) -> None:
        wanted = [self._topics.of_processor(p) for p in processors]
        if wanted:
            await ensure_topics(self._settings, wanted, self._partitions)


def view_of(register_id: int, version: str, content: Mapping[str, Any]) -> RegisterView:
    """Raises RegisterRefused if processors wait for each other in a circle."""
    rules = {name: rules_of(version, described) for name, described in content["processors"].items()}
    waiting = cycle(rules.values())
    if waiting is not None:
        raise RegisterRefused(f"these wait for each other by `after`: {' → '.join(waiting)}: take one out")
    controllers: dict[str, list[str]] = {}
    for name, described in sorted(content["processors"].items()):
        for controller_id in described["controllers"]:
            controllers.setdefault(controller_id, []).append(name)
    return RegisterView(register_id, version, rules, {c: tuple(names) for c, names in controllers.items()})


def rules_of(version: str, described: Mapping[str, Any]) -> ProcessorRules:
    """The part of a processor's description that sagas go by; durations are ISO 8601, as pydantic writes them."""
    excepted = described["verification"]["excepted"]
    retries = described["retries"]
    return ProcessorRules(
        processor_id=described["processor"],
        register_version=version,
        reach=Reach(described["connector"]["kind"]),
        verbs=frozenset(Verb(v) for v in described["capabilities"]["verbs"]),
        after=tuple(described["after"]),
        identities=tuple(described["identities"]),
        unverifiable=None
        if excepted is None
        else Unverifiable(excepted["ground"], excepted["article"], excepted["reason"]),
        deletion_lag=_DURATION.validate_python(described["capabilities"]["deletion_lag"]),
        ack_within=_DURATION.validate_python(described["ack_within"]),
        retries=RetryPolicy(
            max_attempts=retries["max_attempts"],
            first=_DURATION.validate_python(retries["first"]),
            factor=float(retries["factor"]),
            longest=_DURATION.validate_python(retries["max"]),
        ),
        categories=tuple(described.get("data_categories", ())),
        purposes=tuple((p["use"], p["lawful_basis"]) for p in described.get("purposes", ())),
    )
