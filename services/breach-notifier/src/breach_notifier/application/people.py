"""What finding people, writing to them and forgetting them takes, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breach_notifier.application.mailings import Mailings
from breach_notifier.application.scopes import Scopes
from breach_notifier.application.shredding import Shredding
from breach_notifier.application.subject_index import Naming, SubjectIndex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import timedelta

    from breach_notifier.application.letter_ports import ContactVault, MailingStore, Writing
    from breach_notifier.application.office import Office
    from breach_notifier.application.people_ports import IndexStore, PeopleVault, ScopeStore
    from breach_notifier.application.ports import Desk
    from lethe_events.topics import Topic
    from lethe_messaging import Handler


@dataclass(frozen=True, slots=True)
class Stores:
    scopes: ScopeStore
    index: IndexStore
    mailings: MailingStore


@dataclass(frozen=True, slots=True)
class People:
    scopes: Scopes
    index: SubjectIndex
    naming: Naming
    shredding: Shredding
    mailings: Mailings

    @property
    def steps(self) -> Mapping[str, Callable[[], Awaitable[float]]]:
        """Background parts, by name."""
        return {
            "people:count": self.scopes.step,
            "people:name": self.naming.step,
            "people:shred": self.shredding.findings,
            "people:forget": self.shredding.descriptions,
            "people:write": self.mailings.step,
        }

    def handlers(self, office: Office) -> Mapping[Topic, Handler]:
        topics = office.topics
        return {
            topics.answers: self.scopes.take,
            topics.subjects: self.index.observed,
            topics.requests: self.index.status,
        }


def people_of(  # noqa: PLR0917 - its parts
    office: Office,
    desk: Desk,
    stores: Stores,
    vault: PeopleVault,
    contacts: ContactVault,
    writing: Writing,
    retention: timedelta,
) -> People:
    scopes = Scopes(office, desk, stores.scopes, stores.index, vault)
    return People(
        scopes,
        SubjectIndex(stores.index),
        Naming(stores.index, vault),
        Shredding(stores.scopes, vault, retention),
        Mailings(office, desk, scopes, stores.scopes, stores.mailings, contacts, writing),
    )
