"""What the register's files say, for checking requests by it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from intake.domain.described import Described
from lethe_processors.dataset.model import CollectionMethod
from lethe_processors.errors import RegisterError
from lethe_processors.register import RegisterSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lethe_processors.dataset.model import Collection, Field
    from lethe_processors.register import Processor, Register

log = structlog.get_logger()


class RegisterFiles:
    """Calls give None without a register, and until it can be read: nobody is refused because of a misspelt file."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._source: RegisterSource | None = None
        self._known: dict[str, Described] = {}
        self._version = ""

    def __call__(self, controller_id: str) -> Described | None:
        """Cheap but when files have changed: a look at their times, at most once a second."""
        if self._directory is None:
            return None
        try:
            self._source = self._source or RegisterSource(self._directory)
        except RegisterError as error:
            log.warning("the register cannot be used: requests are taken unchecked", problems=len(error.problems))
            return None
        register = self._source.current()
        if register.version != self._version:
            self._version, self._known = register.version, {}
        if controller_id not in self._known:
            self._known[controller_id] = described(register, controller_id)
        return self._known[controller_id]


def described(register: Register, controller_id: str) -> Described:
    fields: dict[str, set[str | None]] = defaultdict(set)
    held: dict[str, set[str]] = defaultdict(set)
    by_category: dict[str, list[str]] = defaultdict(list)
    processors = register.for_controller(controller_id)
    categories = {category for processor in processors for category in processor.data_categories}
    for processor in processors:
        for collection, field in _fields(processor):
            place = f"{collection.name}.{field.name}"
            categories.update(field.categories)
            for name in (place, f"{processor.id}:{place}"):
                fields[name].add(field.data_type)
                held[name].update(field.categories)
            if _one_persons_own(collection, field):
                for category in field.categories:
                    by_category[category].append(f"{processor.id}:{place}")
    return Described(
        fields={name: frozenset(types) for name, types in fields.items()},
        by_category={category: tuple(places) for category, places in by_category.items()},
        held={name: frozenset(found) for name, found in held.items()},
        processors={p.id: p.dataset is not None for p in processors},
        purposes=frozenset(purpose.use for p in processors for purpose in p.purposes),
        categories=frozenset(categories),
    )


def _fields(processor: Processor) -> Iterator[tuple[Collection, Field]]:
    for collection in processor.dataset.collections if processor.dataset is not None else ():
        for field in collection.fields:
            yield collection, field


def _one_persons_own(collection: Collection, field: Field) -> bool:
    """Whether a worker may correct it without a person looking, as far as the files tell."""
    return (
        not (collection.shared or collection.skipped or field.primary_key or field.references or field.nested)
        and field.about is None
        and collection.method is not CollectionMethod.KEEP
    )
