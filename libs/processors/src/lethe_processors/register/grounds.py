"""Whether the grounds that a register names are grounds of the law."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.problems import Problem
    from lethe_processors.register.models import Processor
    from lethe_processors.yaml_source import Document


def check_grounds(document: Document, processor: Processor) -> Iterator[Problem]:
    yield from ()
    _ = document, processor
