"""Writes letters when they are carried: opens the sealed address, on record, and keeps neither it nor the text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from intake.adapters.code_letters import phrase
from intake.application.letter_facts import Desk
from intake.application.letters import ACKNOWLEDGEMENT, NO_SETTINGS
from intake.application.writing import acknowledgement, letter_of
from lethe_delivery import Mail, Unreachable
from lethe_events import ContractError
from lethe_letters import LetterError
from lethe_vault import Redemption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from intake.adapters.letter_store import PostgresLetters
    from intake.domain.letter_policy import LetterPolicy
    from intake.domain.model import Controller
    from lethe_delivery import Due
    from lethe_letters import Letters, Rendered
    from lethe_vault import Identifiers, Vault

log = structlog.get_logger(__name__)
Row = Mapping[str, Any]


class LetterWriter:
    """A `Composer`. What stays unsent has a code for a reason, which the saga is told. `sender`: the deployment's."""

    def __init__(
        self,
        store: PostgresLetters,
        vault: Vault,
        controllers: Mapping[str, Controller],
        policies: Mapping[str, LetterPolicy],
        letters: Mapping[str, Letters],
        *,
        sender: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._vault = vault
        self._controllers = controllers
        self._policies = policies
        self._letters = letters
        self._sender = sender
        self._now = now

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail | Unreachable]:
        receipts = [one.matter for one in due if one.letter == ACKNOWLEDGEMENT]
        others = [one.recipient_ref for one in due if one.letter != ACKNOWLEDGEMENT]
        rows: dict[UUID, Row] = {row["dsr_id"]: row for row in await self._store.to_acknowledge(receipts)}
        rows |= {row["letter_id"]: row for row in await self._store.to_write(others)}
        sealed = await self._vault.redeem([Redemption(one.matter, one.recipient_ref) for one in due])
        return {one.id: self._write(one, rows.get(one.recipient_ref), sealed.get(one.matter)) for one in due}

    def _write(self, due: Due, row: Row | None, sealed: Identifiers | None) -> Mail | Unreachable:
        controller = None if row is None else self._controllers.get(row["controller_id"])
        if row is None or controller is None or controller.controller_id not in self._policies:
            return Unreachable(NO_SETTINGS)
        to = () if sealed is None else sealed.values.get("email", ())
        if not to:
            return Unreachable("shredded" if sealed is None else "no_address")
        policy = self._policies[controller.controller_id]
        if self._too_late(row):
            return Unreachable("too_late")
        rendered = self.render(row, due.queued_at)
        if rendered is None:
            return Unreachable("unwritable")
        return Mail(
            to=to[0],
            sender=f"{phrase(controller.name)} <{policy.sender or self._sender}>",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            reply_to=controller.contact if "@" in controller.contact else None,
        )

    def render(self, row: Row, at: datetime, language: str | None = None) -> Rendered | None:
        """Without the address; the same facts and date give the same letter. None: the facts do not make one."""
        controller = self._controllers[row["controller_id"]]
        policy = self._policies[controller.controller_id]
        facts = row.get("facts")
        said = language or row["language"] or policy.language
        uk = (row.get("regime") if facts is None else facts.get("regime")) == "uk-gdpr"
        desk = Desk.of(controller, policy, said, uk=uk)
        try:
            letter = acknowledgement(desk, row, at) if facts is None else letter_of(desk, facts, at)
            return self._letters[controller.controller_id].render(letter, desk.language)
        except (LetterError, ContractError) as error:
            log.error("a letter cannot be written", controller=controller.controller_id, error=str(error))  # noqa: TRY400
            return None

    def _too_late(self, row: Row) -> bool:
        facts = row.get("facts")
        limit = None if facts is None else facts.get("not_after")
        return limit is not None and self._now() >= datetime.fromisoformat(limit)
