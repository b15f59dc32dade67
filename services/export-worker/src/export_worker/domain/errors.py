"""Errors of exporting.

ExportError
├── BadPart          Permanent: a part cannot be used as it is; it has to be exported or uploaded again
│   └── PartMismatch Permanent: a part is not the one that the task names (another hash, gone, cut off)
├── Shredded         Rejected: the DSR has no data key any more, so nothing can be sealed for it
└── WrongCredential  Permanent: a reading would run with the right to change data
"""

from __future__ import annotations


class ExportError(Exception):
    """`code` goes into the ack; the text says what to do and never holds personal data."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class BadPart(ExportError):
    """A part cannot be used as it is."""


class PartMismatch(BadPart):
    """What lies in the vault is not what was acknowledged. Export again; do not repair by hand."""


class WrongCredential(ExportError):
    """Reading has to be done with a credential that cannot write."""


class Shredded(ExportError):
    """The DSR was shredded, or never sealed. Nothing can be stored for it, and nothing has to be."""

    def __init__(self) -> None:
        super().__init__("identifiers_shredded", "nothing is sealed under this dsr_id, or it was shredded")
