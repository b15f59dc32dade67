"""What can be said about the export package of a DSR."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lethe_events.words import Right, SagaState

if TYPE_CHECKING:
    from uuid import UUID


class PackageState(StrEnum):
    NEVER = "never"  # nothing was exported in this DSR, and nothing will be
    NOT_YET = "not_yet"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class PackageFacts:
    right: Right
    export_first: bool
    state: SagaState
    document_id: UUID | None


def package_state(facts: PackageFacts) -> PackageState:
    """Access and portability always end in a package; erasure only if a copy was asked for first (Art. 15, 17)."""
    if facts.document_id is not None:
        return PackageState.READY
    expected = facts.right in {Right.ACCESS, Right.PORTABILITY} or facts.export_first
    if not expected or facts.state is SagaState.CLOSED:
        return PackageState.NEVER
    return PackageState.NOT_YET
