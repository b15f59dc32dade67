"""The register comes into force, and open sagas catch up with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from orchestrator.application.scope import catch_up

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lethe_postgres import Tx
    from orchestrator.application.office import Office
    from orchestrator.application.ports import Desk

LIMIT = 200
EVERY = 1.0  # seconds between looks for sagas that the register has outgrown


@dataclass(frozen=True, slots=True)
class Brought:
    """`id` grows with each version that came into force; `is_new`: it was not the one in force before."""

    id: int
    version: str
    is_new: bool


class RegisterFiles(Protocol):
    """The register as its files are now."""

    def read(self) -> tuple[str, Mapping[str, object]]:
        """Version and content (JSON). Raises what the loader raises, with every problem."""
        ...


class RegisterRows(Protocol):
    async def bring_into_force(self, tx: Tx, version: str, content: Mapping[str, object], by: str) -> Brought: ...


class Topics(Protocol):
    async def ensure(self, processors: Collection[str]) -> None:
        """Make the topics of Kafka-native processors, so that nothing asked of them is lost."""
        ...


class RegisterKeeping:
    """One per process."""

    def __init__(self, office: Office, desk: Desk, files: RegisterFiles, rows: RegisterRows, topics: Topics) -> None:
        self._office = office
        self._desk = desk
        self._files = files
        self._rows = rows
        self._topics = topics

    async def load(self, by: str) -> Brought:
        """Bring the register of the files into force, if it is not. `by`: who asked, on record.

        Topics are made first: a saga that is planned with the new register must find them.
        """
        version, content = self._files.read()
        await self._topics.ensure(kafka_native(content))
        async with self._desk.work() as work:
            return await self._rows.bring_into_force(work.tx, version, content, by)

    async def step(self) -> float:
        """Let open sagas that nothing else touches catch up; gives the seconds until the next look."""
        return 0.0 if await self.sweep() == LIMIT else EVERY

    async def sweep(self) -> int:
        """One batch of open sagas whose scope is older than the register in force; gives how many."""
        office = self._office
        async with self._desk.work() as work:
            batch, view = await office.open(work.tx, [])
            ids = [] if view is None else await office.store.unchecked(work.tx, view.id, LIMIT)
            if not ids:
                return 0
            batch, view = await office.open(work.tx, ids)
            await catch_up(batch, ids, view, office.vault)
            await office.save(work, batch)
        return len(ids)


def kafka_native(content: Mapping[str, object]) -> list[str]:
    """Processors of a register's content that read a topic of their own."""
    processors = content.get("processors")
    found: list[str] = []
    if isinstance(processors, dict):
        for name, described in processors.items():
            if isinstance(described, dict) and described.get("connector", {}).get("kind") == "kafka":
                found.append(name)
    return sorted(found)
