"""Credentials by reference: the register names them, this resolves them when a connection is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from lethe_processors.errors import CredentialMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

CredentialRef = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""`env:NAME` or `file:PATH`; a relative path is taken from the directory given to `Credentials`."""


class Credentials:
    """Resolves references each time they are asked for: the next connection picks up a rotated secret."""

    def __init__(self, environ: Mapping[str, str] | None = None, directory: Path | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._directory = directory or Path()

    def resolve(self, reference: str) -> str:
        """The secret, without surrounding white space. Raises CredentialMissing, which names the reference only."""
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            value = self._environ.get(name, "").strip()
            if not value:
                raise CredentialMissing(reference, f"set the environment variable {name}")
            return value
        if scheme == "file":
            return self._read(reference, self._directory / name)
        raise CredentialMissing(reference, "write it as env:NAME or file:PATH")

    @staticmethod
    def _read(reference: str, path: Path) -> str:
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialMissing(reference, "create the file and make it readable for this service") from error
        if not value:
            raise CredentialMissing(reference, "the file is empty: put the secret into it")
        return value
