"""Puts the heads of all chains that moved under a signed root, again and again. GDPR Art. 5(2).

The root is that of a Merkle tree (RFC 6962 hashing) over the leaves in the order of saga ids; the signature is over the
root and the root before, so that seals form a chain of their own, which is also on the bus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import lethe_events as wire
from lethe_events.canonical import GENESIS, canonical
from lethe_events.ids import message_id
from orchestrator.application.messages import SOURCE
from orchestrator.domain.merkle import Leaf, root
from orchestrator.domain.record_parts import instant

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from lethe_postgres import Tx
    from orchestrator.application.ports import Desk
    from orchestrator.application.signer import Signer
    from orchestrator.application.topics import Topics
    from orchestrator.domain.record_parts import Json

_SERIES: Final = UUID("6f1c6f0e-8f0b-5b53-9a51-1e7e00005ea1")
"""Correlates all seals; they belong to no saga."""


@dataclass(frozen=True, slots=True)
class Seal:
    """`leaves` in order; `root`, `previous` in hex."""

    number: int
    at: datetime
    root: str
    previous: str
    key_id: str
    signature: str
    leaves: tuple[Leaf, ...]


class SealStore(Protocol):
    async def take_unsealed(self, tx: Tx) -> tuple[datetime, list[Leaf]] | None:
        """Heads that are under no seal yet, the newest of each chain, and the time.

        None if there are none or another instance is sealing.
        """
        ...

    async def last(self, tx: Tx) -> tuple[int, str] | None:
        """Number and root of the newest seal."""
        ...

    async def put(self, tx: Tx, seal: Seal) -> None: ...


class Sealing:
    def __init__(self, store: SealStore, desk: Desk, signer: Signer, topics: Topics, every: timedelta) -> None:
        self._store = store
        self._desk = desk
        self._signer = signer
        self._topics = topics
        self._every = every.total_seconds()

    async def step(self) -> float:
        """Seal; gives the seconds until the next time."""
        await self.seal()
        return self._every

    async def seal(self) -> Seal | None:
        """Seal what moved since the last time; None if nothing did."""
        async with self._desk.work() as work:
            taken = await self._store.take_unsealed(work.tx)
            if taken is None:
                return None
            at, leaves = taken
            number, previous = await self._store.last(work.tx) or (0, GENESIS)
            seal = self._sign(number + 1, at, tuple(leaves), previous)
            await self._store.put(work.tx, seal)
            work.send([self._record(seal)])
        return seal

    def _sign(self, number: int, at: datetime, leaves: tuple[Leaf, ...], previous: str) -> Seal:
        top = root(leaves)
        signed = self._signer.sign(canonical(statement(number, at, len(leaves), top, previous)))
        return Seal(number, at, top, previous, self._signer.key_id, signed, leaves)

    def _record(self, seal: Seal) -> wire.Record:
        body = wire.AuditSealed(
            seal=seal.number,
            at=seal.at,
            chains=len(seal.leaves),
            root=seal.root,
            previous=seal.previous,
            key_id=seal.key_id,
            signature=seal.signature,
        )
        envelope = wire.Envelope(message_id(_SERIES, seal.number, 0), SOURCE, seal.at, _SERIES, None)
        return wire.encode(self._topics.audit.name, str(seal.number), body, envelope)


def statement(number: int, at: datetime, chains: int, top: str, previous: str) -> Json:
    """What a seal's signature is over, as canonical JSON."""
    return {"seal": number, "at": instant(at), "chains": chains, "root": top, "previous": previous}
