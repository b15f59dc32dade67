"""Everything about letters of one process: what is set, what is written, what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from intake.adapters.letter_policies import read_letter_policies
from intake.adapters.letter_store import PostgresLetters
from intake.adapters.letter_writing import LetterWriter
from intake.adapters.register_facts import RegisterFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from intake.domain.letter_policy import LetterPolicy
    from intake.domain.model import Controller
    from lethe_letters import Letters
    from lethe_postgres import Database
    from lethe_vault import Vault


class LetterSettings:
    """What the files say. Raises ValueError naming what is wrong, or what is missing for letters to go out."""

    def __init__(self, controllers: Path, register: Path | None, *, smtp: bool) -> None:
        policies, letters = read_letter_policies(controllers)
        self.policies: Mapping[str, LetterPolicy] = policies
        self.letters: Mapping[str, Letters] = letters
        names = ", ".join(sorted(policies))
        if policies and not smtp:
            raise ValueError(f"{controllers.name}: letters of {names} need LETHE_SMTP_HOST and LETHE_SMTP_SENDER")
        if policies and register is None:
            raise ValueError(f"{controllers.name}: letters of {names} need LETHE_REGISTER: it says what they tell")
        self.register = RegisterFacts(register) if policies and register is not None else None

    def say(self, controllers: Iterable[str]) -> None:
        """Once, at the start: to whose data subjects nobody writes."""
        silent = sorted(set(controllers) - set(self.policies))
        if silent:
            structlog.get_logger(__name__).info("no letters go out for these controllers", controllers=silent)


class PostgresCorrespondence:
    """Implements `application.ports.Correspondence`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        controllers: Mapping[str, Controller],
        settings: LetterSettings,
        *,
        sender: str,
        now: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self.store = PostgresLetters(database, {c for c, policy in settings.policies.items() if policy.acknowledge})
        self.writer = LetterWriter(
            self.store, vault, controllers, settings.policies, settings.letters, sender=sender, now=now
        )

    async def of_dsr(self, dsr_id: UUID, controller_ids: Iterable[str]) -> list[dict[str, Any]] | None:
        return await self.store.of_dsr(dsr_id, controller_ids)

    async def text(
        self, dsr_id: UUID, letter_id: UUID, controller_ids: Iterable[str], language: str | None
    ) -> dict[str, Any] | None:
        row = await self.store.letter(letter_id, dsr_id, controller_ids)
        if row is None or row["controller_id"] not in self.settings.policies:
            return None
        rendered = self.writer.render(row, row["asked_at"], language)
        if rendered is None:
            return None
        said = {"letter_id": letter_id, "kind": row["kind"], "language": language or row["language"]}
        return said | {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
