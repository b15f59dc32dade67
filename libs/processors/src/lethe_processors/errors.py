"""Errors of this library. Those of a processor become answers; these are for who configures and who programs.

ProcessorsError
├── RegisterError        Rejected: the register cannot be used; `problems` lists everything that is wrong
├── CredentialMissing    Permanent: a credential reference leads nowhere, until somebody provides it
├── NoConnector          Permanent: nothing here can reach a processor of this kind
└── Unreadable           Transient or Permanent: a processor could not be asked of whom it holds data
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_processors.connector import Answer
    from lethe_processors.problems import Problem


class ProcessorsError(Exception):
    """Base, for callers that stop at start-up whatever the reason."""


class RegisterError(ProcessorsError):
    """The register cannot be used. The text is the whole list, one problem a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(str(p) for p in self.problems)
        super().__init__(f"{len(self.problems)} problem(s) in the register:\n{listed}")


class CredentialMissing(ProcessorsError):
    """A credential reference cannot be resolved. `reference` is its name in the register, never its value."""

    def __init__(self, reference: str, fix: str) -> None:
        self.reference = reference
        super().__init__(f"credential {reference!r} is missing: {fix}")


class NoConnector(ProcessorsError):
    """A processor of this kind is not reached through a connector."""


class Unreadable(ProcessorsError):
    """A processor could not be asked of whom it holds data. `answer` says why, by its code, and whether for good."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.failure.code if answer.failure is not None else answer.outcome.value)
