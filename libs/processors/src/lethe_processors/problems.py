"""What is wrong with a register or with the database it describes, told so that its author can put it right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. `field` is a dotted path inside `file`; texts name things, never people's data.

    A `blocking` problem makes the register unusable; another one only costs time or leaves something unproven.
    """

    file: str
    line: int | None
    field: str
    message: str
    fix: str
    blocking: bool = True

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        kind = "" if self.blocking else "warning: "
        return f"{where}: {kind}{self.field}: {self.message} Fix: {self.fix}"
