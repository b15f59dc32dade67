"""Errors of the SDK.

ParticipantError
├── KafkaDown         Transient: Kafka did not take or give messages; the SDK connects anew by itself
├── PartNotTaken      an exported part was not stored; `transient` says whether the same may succeed later
└── Misuse            Permanent, for who programs: two handlers for one verb, a bad setting
"""

from __future__ import annotations


class ParticipantError(Exception):
    """Base of what this library raises."""


class KafkaDown(ParticipantError):
    """Nothing is lost: what was not committed comes again, what was not emitted can be emitted again."""


class PartNotTaken(ParticipantError):
    """`code` goes into the acknowledgement."""

    def __init__(self, code: str, *, transient: bool) -> None:
        super().__init__(f"the export worker did not take the part: {code}")
        self.code = code
        self.transient = transient


class Misuse(ParticipantError):
    """The text says what to change."""
