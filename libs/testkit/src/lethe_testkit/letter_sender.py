"""A program that carries letters until none is left: what tests and benches start, kill and start again.

`python -m lethe_testkit.letter_sender DSN SCHEMA PORT WINDOW [JOURNAL]`
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from lethe_delivery import (
    Courier,
    Mail,
    OnDoubt,
    Order,
    Policy,
    SmtpMailer,
    SmtpSettings,
    State,
    Tls,
    progress,
)
from lethe_postgres import Database
from lethe_testkit.smtp_sink import DOMAIN, Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lethe_delivery import Due

MATTER = UUID("00000000-0000-4000-8000-00000000b4ea")
OPEN = (State.QUEUED, State.CLAIMED, State.SENDING, State.UNCERTAIN)


def orders(count: int, on_doubt: OnDoubt) -> list[Order]:
    """One letter each to `count` invented people."""
    return [
        Order(
            channel="email",
            purpose=f"breach/{MATTER}/subjects/1",
            recipient_ref=uuid5(MATTER, str(number)),
            matter=MATTER,
            letter="breach_to_subject",
            on_doubt=on_doubt,
        )
        for number in range(count)
    ]


class Redeemer:
    """A composer whose recipients have their reference as address."""

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail]:
        return {
            one.id: Mail(
                to=f"{one.recipient_ref}@mail.example",
                sender="Acme <privacy@acme.example>",
                subject="Important",
                text="Something happened to your data.\n" * 2,
                html="<p>Something happened to your data.</p>",
            )
            for one in due
        }


async def main(dsn: str, schema: str, port: str, window: str, journal: str | None = None) -> None:
    database = await Database.connect(dsn, schema=schema, application_name="letters", max_size=3)
    settings = SmtpSettings(
        host="127.0.0.1",
        port=int(port),
        tls=Tls.NONE,
        domain=DOMAIN,
        bounces=f"bounces@{DOMAIN}",
        timeout=30,
        connections=10,
    )
    courier = Courier(
        database,
        UUID(bytes=os.urandom(16), version=4),
        channel="email",
        mailer=SmtpMailer(settings),
        composer=Redeemer(),
        policy=Policy(window=int(window), settle_after=timedelta(seconds=0.3), look_around=timedelta(seconds=0.3)),
        sent_log=Journal(Path(journal)) if journal else None,
    )
    patience = 0
    while patience < 10:  # what is held in doubt stays: then there is nothing more to do
        patience = 0 if await courier.step() else patience + 1
        if patience:
            await asyncio.sleep(0.1)
            left = (await progress(database, MATTER)).letters
            if not any(left.get(state) for state in OPEN):
                break
    await courier.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
