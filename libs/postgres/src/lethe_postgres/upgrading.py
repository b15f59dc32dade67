"""A future that asyncpg leaves behind when an attempt to connect is given up at the wrong moment."""

from __future__ import annotations

from typing import Any

from asyncpg import connect_utils


def retrieve_lost_upgrades() -> None:
    """Idempotent. Whoever waits for the answer is told as before.

    An attempt that is cancelled, or runs into its timeout, after the socket is open and before asyncpg waits for the
    answer to its question for TLS, leaves a future with an exception that nobody awaits: the loop then complains of
    it, at some later time and in somebody else's test.
    """
    usual: Any = connect_utils.TLSUpgradeProto
    if hasattr(usual, "is_retrieved"):
        return

    class Upgrade(usual):  # type: ignore[misc]
        is_retrieved = True

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if not self.on_data.cancelled():
                self.on_data.exception()

    connect_utils.TLSUpgradeProto = Upgrade  # type: ignore[misc]
