"""What goes into the vault and what comes out. Nothing here prints personal data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, repr=False)
class Identifiers:
    """Kind (`email`, `phone_number`, `customer_id`, …) → normalised values (`lethe_events.subject_token.normalise`)."""

    values: Mapping[str, tuple[str, ...]]

    def __repr__(self) -> str:
        return f"Identifiers({', '.join(sorted(self.values))})"


@dataclass(frozen=True, slots=True)
class Sealing:
    """One DSR to seal. `note`: free text of the controller; it may hold personal data and is sealed too.

    `corrections` (Art. 16): `collection.field`, or `processor:collection.field`, → the new value, as JSON knows it.
    """

    dsr_id: UUID
    subject_ref: UUID
    controller_id: str
    identifiers: Identifiers
    note: str | None = field(default=None, repr=False)
    corrections: Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Redemption:
    """Identifiers of `dsr_id` are needed for `task_id`."""

    dsr_id: UUID
    task_id: UUID


class Redeemed(dict["UUID", Identifiers]):
    """The identifiers that could be opened, by DSR. Ids that were never sealed, or are shredded, are absent.

    `tampered`: DSRs whose sealed data failed authentication. They are absent too, so that one of them spoils
    nobody else's batch, and must become an incident. `corrections`: of those DSRs that have some sealed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tampered: set[UUID] = set()
        self.corrections: dict[UUID, Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class RedemptionRecord:
    """One line of the record. `role` is the database role that the redeemer was logged in as."""

    redeemer: str
    role: str
    reason: str
    task_id: UUID | None
    document_id: UUID | None
    found: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class SmallDocument:
    """At most one chunk (`stream.CHUNK_BYTES`), stored together with others. `name`: see `Vault.put_document`."""

    dsr_id: UUID
    document_id: UUID
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """`sha256` (hex) and `size` (bytes) are those of the plaintext."""

    document_id: UUID
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """`sha256` (hex) and `size` (bytes) are those of the plaintext."""

    document_id: UUID
    dsr_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    stored_at: datetime
