"""Destroys the keys of what is of no more use: findings of searches, contacts, descriptions of incidents long over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_postgres import crashpoint

if TYPE_CHECKING:
    from datetime import timedelta

    from breach_notifier.application.people_ports import PeopleVault, ScopeStore

AT_ONCE = 100
QUIET = 1.0  # seconds
LOOKS_APART = 60.0  # seconds between looks for incidents whose retention is over


class Shredding:
    """Whoever dies between a shredding and its row shreds again, which changes nothing.

    `retention`: how long after the last of its cases was closed or dismissed an incident's descriptions are kept.
    """

    def __init__(self, store: ScopeStore, vault: PeopleVault, retention: timedelta) -> None:
        self._store = store
        self._vault = vault
        self._retention = retention

    async def findings(self) -> float:
        spent = await self._store.spent(AT_ONCE)
        if not spent:
            return QUIET
        await self._vault.shred(spent)
        crashpoint("people.shredded")
        await self._store.shredded(spent)
        return 0.0

    async def descriptions(self) -> float:
        over = await self._store.over(self._retention, AT_ONCE)
        if not over:
            return LOOKS_APART
        await self._vault.shred(sorted({id_ for ids in over.values() for id_ in ids}))
        crashpoint("people.shredded")
        await self._store.forgotten(over)
        return 0.0
