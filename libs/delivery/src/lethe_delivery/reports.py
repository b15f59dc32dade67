"""Reports on delivery in a Maildir: read, taken in, and removed, because they name addresses."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lethe_delivery.bounces import LARGEST, read_bounce
from lethe_postgres import is_transient

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path
    from uuid import UUID

    from lethe_delivery.bounces import Bounce

log = logging.getLogger(__name__)
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file of the Maildir. `bounce`: None where it is no report that one of our letters failed."""

    name: str
    bounce: Bounce | None


class Taking(Protocol):
    """Takes bounces in, in a transaction of its own: `take_bounces` with whatever has to follow."""

    async def __call__(self, bounces: Sequence[Bounce], /) -> Collection[UUID]:
        """The deliveries whose reports are dealt with; what is left out is not ours, or comes again."""
        ...


class ReportBox:
    """A Maildir. Files appear in `new`, whole, by rename; one instance or several may read them."""

    def __init__(self, path: Path, domain: str) -> None:
        self._new = path / "new"
        self._kept = path / "cur"
        self._domain = domain
        self._waiting: set[str] = set()

    def read(self) -> list[Arrived]:
        """Blocking. What waits, oldest names first, at most a few hundred."""
        names = sorted(p.name for p in self._new.iterdir() if not p.name.startswith("."))
        found = []
        for name in names[:_AT_ONCE]:
            try:
                with (self._new / name).open("rb") as file:
                    found.append(Arrived(name, read_bounce(file.read(LARGEST), self._domain)))
            except FileNotFoundError:
                continue  # another instance has taken it
        return found

    def settle(self, arrived: Sequence[Arrived], taken: Collection[UUID]) -> None:
        """Blocking. Remove what was taken; what is no report of ours goes to `cur`, where a person finds it.

        A report on a letter of which it is not yet written down that it went is left once, and read again.
        """
        waiting = set()
        for one in arrived:
            path = self._new / one.name
            if one.bounce is not None and one.bounce.delivery_id in taken:
                path.unlink(missing_ok=True)
            elif one.bounce is not None and one.name not in self._waiting:
                waiting.add(one.name)
            else:
                self._kept.mkdir(exist_ok=True)
                path.rename(self._kept / f"{one.name}:2,") if path.exists() else None
        self._waiting = waiting


async def watch_reports(box: ReportBox, take: Taking, *, every: float = 10.0) -> None:
    """Until cancelled. A directory or database that is away is waited for. `every`: seconds between looks."""
    while True:
        try:
            arrived = await asyncio.to_thread(box.read)
            bounces = [one.bounce for one in arrived if one.bounce is not None]
            taken = await take(bounces) if bounces else ()
            await asyncio.to_thread(box.settle, arrived, taken)
        except OSError as error:
            log.warning("reports on delivery cannot be read", extra={"error": type(error).__name__})
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("reports on delivery wait for the database", extra={"error": type(error).__name__})
        await asyncio.sleep(every)
