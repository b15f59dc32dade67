"""What the register says that letters have to tell: purposes, categories, recipients, sources, automated decisions."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from lethe_processors.register import RegisterError, load_register
from lethe_processors.register.models import LawfulBasis

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from lethe_processors.register import Processor, Register

_AGAIN_S = 30.0
"""How soon files are read again that are of another version than a saga was planned with."""
_BASES = dict(zip(LawfulBasis, "abcdef", strict=True))


class RegisterFacts:
    """Read at the start, and again when a saga was planned with another version. Raises RegisterError at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._register: Register = load_register(path)
        self._read_at = time.monotonic()

    async def of(self, controller_id: str, version: str | None, named: Collection[str] | None) -> Mapping[str, Any]:
        """By processor. `named`: only these; None: all of the controller's.

        The register as it is now counts where the version asked for is not at hand: a letter tells what is done now.
        """
        if version not in {None, self._register.version} and time.monotonic() - self._read_at > _AGAIN_S:
            self._read_at = time.monotonic()
            try:
                self._register = await asyncio.to_thread(load_register, self._path)
            except RegisterError as error:
                structlog.get_logger(__name__).warning("the register cannot be read", problems=len(error.problems))
        mine = self._register.for_controller(controller_id)
        return {p.id: _facts(p) for p in mine if named is None or p.id in named}


def _facts(processor: Processor) -> dict[str, Any]:
    transfer = processor.transfer
    return {
        "name": processor.name,
        "role": processor.role.value,
        "purposes": [[p.use, f"6(1)({_BASES[p.lawful_basis]})"] for p in processor.purposes],
        "categories": list(processor.data_categories),
        "retention": [[r.category, r.until] for r in processor.retention],
        "country": None if transfer is None else transfer.country,
        "mechanism": None if transfer is None else transfer.mechanism,
        "sources": list(processor.sources),
        "automated": [[a.name, a.logic, a.consequences] for a in processor.automated_decisions],
    }
