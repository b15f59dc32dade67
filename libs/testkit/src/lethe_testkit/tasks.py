"""People, tasks and entries of a register, for tests of workers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from lethe_events import TaskRequested
from lethe_events.ids import task_id
from lethe_events.words import Right, Verb
from lethe_processors.connector import WorkItem
from lethe_processors.register import Processor

NOW = datetime(2026, 3, 5, 10, 15, tzinfo=UTC)


def person(number: int) -> UUID:
    """The DSR of the n-th person; `person(n).int == n`."""
    return UUID(int=number)


def email(number: int) -> str:
    return f"person{number}@people.example"


def task(processor_id: str, verb: Verb, number: int, *, attempt: int = 1, **more: Any) -> TaskRequested:
    dsr_id = person(number)
    asked = TaskRequested(
        task_id=task_id(dsr_id, processor_id, verb.value, 1),
        dsr_id=dsr_id,
        subject_ref=dsr_id,
        controller_id="acme",
        processor_id=processor_id,
        right=Right.ACCESS if verb in {Verb.EXPORT, Verb.PACKAGE} else Right.ERASURE,
        verb=verb,
        attempt=attempt,
        register_version="0" * 64,
        due_at=NOW,
    )
    return msgspec.structs.replace(asked, **more)


def item(processor_id: str, verb: Verb, number: int, **identifiers: str) -> WorkItem:
    """A task with the identifiers redeemed for it: the person's e-mail address, if none are given."""
    known = identifiers or {"email": email(number)}
    return WorkItem(task(processor_id, verb, number), {kind: (value,) for kind, value in known.items()})


def processor(name: str = "shop", **changes: object) -> Processor:
    """An entry of the register, an HTTP one unless changed."""
    http = {"kind": "http", "base_url": f"https://{name}.example"}
    return Processor.model_validate({**entry(name), "connector": http, **changes})


def entry(name: str) -> dict[str, object]:
    """What a register file says of a processor, without its connector."""
    return {
        "processor": name,
        "name": f"{name.title()} database",
        "owner": {"name": "Team", "contact": "team@acme.example"},
        "controllers": ["acme"],
        "role": "own_system",
        "purposes": [{"use": "essential.service", "lawful_basis": "contract"}],
        "data_categories": ["user.behavior.purchase_history", "user.contact.email", "user.name", "user.unique_id"],
        "data_subjects": ["customer"],
        "transfer": "none",
        "dpa": {"status": "not_needed"},
        "identities": ["email"],
        "retention": [{"category": "user.contact.email", "until": "the account is closed"}],
    }
