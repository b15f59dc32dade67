"""Errors of the contract.

ContractError
├── UnknownType   no model of this name: a newer writer, or somebody else's message
└── Malformed     the name is known, the content is not what it promises
"""

from __future__ import annotations


class ContractError(Exception):
    """A message that this version cannot read. It is parked with `code`; the partition goes on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        """Names fields, never their values."""


class UnknownType(ContractError):
    """No model has this CloudEvents type."""

    def __init__(self, type_: str) -> None:
        super().__init__("unknown_type", f"no message type {type_[:100]!r}")


class Malformed(ContractError):
    """The message does not hold what its type promises."""
