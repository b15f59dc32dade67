"""Letters with codes: written when they are carried, from what is sealed, and kept nowhere."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from intake.domain.identity import REACHED_BY
from lethe_delivery import Mail, Unreachable
from lethe_law.places import ZONES
from lethe_letters import Contact, IdentityCheck, Language, Letters, Sender
from lethe_postgres import load_queries
from lethe_vault import Redemption

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from intake.domain.identity import Codes
    from intake.domain.model import Controller
    from lethe_delivery import Due
    from lethe_postgres import Database
    from lethe_vault import Identifiers, Vault


class CodeLetters:
    """A `Composer`. What is sealed is opened for a code, on record. `sender`: the address that letters come from."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        codes: Codes,
        controllers: Mapping[str, Controller],
        *,
        sender: str,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._vault = vault
        self._codes = codes
        self._controllers = controllers
        self._sender = sender
        self._now = now
        self._letters = Letters()
        self._sql = load_queries("intake.adapters", "identity.sql")
        text = resources.files("intake.adapters").joinpath("doubts.toml").read_text(encoding="utf-8")
        self._doubts: Mapping[str, Mapping[str, str]] = tomllib.loads(text)

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail | Unreachable]:
        rows = await self._database.fetch(
            self._sql["codes_to_write"], [one.matter for one in due], [one.recipient_ref for one in due]
        )
        valid = {row["code_id"]: row for row in rows if row["code_expires_at"] > self._now()}
        sealed = await self._vault.redeem([Redemption(row["dsr_id"], row["code_id"]) for row in valid.values()])
        return {one.id: self._write(one, valid.get(one.recipient_ref), sealed.get(one.matter)) for one in due}

    def _write(self, due: Due, row: asyncpg.Record | None, sealed: Identifiers | None) -> Mail | Unreachable:
        if row is None:
            return Unreachable("the code is void: it is too old, or there is a newer one")
        controller = self._controllers.get(row["controller_id"])
        to = () if sealed is None else sealed.values.get(REACHED_BY[row["code_channel"]], ())
        if controller is None or not to:
            return Unreachable("what it would be sent to is shredded, or its controller is gone")
        code, language = self._codes.code(row["code_id"]), Language(row["code_language"])
        zone = ZoneInfo(ZONES.get(controller.country, "UTC"))
        rendered = self._letters.render(
            IdentityCheck(
                sender=Sender(
                    name=controller.name,
                    contact=Contact(name=controller.name, email=controller.contact),
                    uk=row["regime"] == "uk-gdpr",
                ),
                reference=str(row["dsr_id"]),
                written_on=due.queued_at.astimezone(zone).date(),
                rights=(row["right_asked"],),
                doubt=self._doubts[language.value][row["doubt"]],
                code=code,
                valid_until=row["code_expires_at"].astimezone(zone),
            ),
            language,
        )
        sms = row["code_channel"] == "sms"
        return Mail(
            to=to[0],
            sender=f"{phrase(controller.name)} <{self._sender}>",
            subject=rendered.subject,
            text=f"{controller.name}: {rendered.subject}: {code}" if sms else rendered.text,
            html=None if sms else rendered.html,
            reply_to=controller.contact if "@" in controller.contact else None,
        )


def phrase(name: str) -> str:
    """A display name as RFC 5322 wants it quoted."""
    return '"' + name.replace("\\", "").replace('"', "") + '"'
