"""From a dataset file to the model: fideslang reads what is its own, the `lethe:` sections are read here."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fideslang.models import Dataset as FidesDataset
from pydantic import ValidationError

from lethe_processors.dataset.model import (
    Collection,
    CollectionMethod,
    Dataset,
    Direction,
    Field,
    FieldMethod,
    Reference,
)
from lethe_processors.dataset.sections import CollectionSection, FieldSection, Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_processors.problems import Problem
    from lethe_processors.yaml_source import Document, Path_

SECTION = "lethe"
WEAK_KINDS = frozenset({"phone_number"})
_FIDES_METHODS = {
    "null_rewrite": FieldMethod.NULL,
    "hmac": FieldMethod.PSEUDONYMISE,
    "hash": FieldMethod.PSEUDONYMISE,
    "random_string_rewrite": FieldMethod.PSEUDONYMISE,
}


@dataclass(slots=True)
class Parsed:
    """`dataset` is None when the file cannot be understood. `places`: (collection, field path…) → path in the file."""

    document: Document
    dataset: Dataset | None = None
    places: dict[tuple[str, ...], Path_] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, where: tuple[str, ...], message: str, fix: str, *, blocking: bool = True) -> Problem:
        place: Path_ = self.places.get(where) or self.places.get(where[:1]) or ()
        found = self.document.problem(place, message, fix, blocking=blocking)
        return type(found)(found.file, found.line, ".".join(where) or found.field, message, fix, blocking)


def parse_dataset(document: Document) -> Parsed:
    """Read a file in the form that Fides users have (`dataset:` with a list, or one dataset alone)."""
    parsed = Parsed(document)
    found = list(_datasets(document.data))
    if not found:
        parsed.problems.append(document.problem((), "it describes no dataset.", "begin it with `dataset:` and a list."))
        return parsed
    models: list[tuple[FidesDataset, dict[tuple[str, ...], Section]]] = []
    for path, raw in found:
        taker = _Taker(parsed)
        stripped = taker.take(path, raw)
        try:
            models.append((FidesDataset.model_validate(stripped), taker.sections))
        except ValidationError as error:
            parsed.problems.extend(document.problems_of(error, path))
    if models and len(models) == len(found):
        _build(parsed, models)
    return parsed


def _datasets(data: Any) -> Iterator[tuple[Path_, dict[str, Any]]]:
    if not isinstance(data, dict):
        return
    listed = data.get("dataset")
    if isinstance(listed, list):
        yield from ((("dataset", i), d) for i, d in enumerate(listed) if isinstance(d, dict))
    elif isinstance(listed, dict):
        yield ("dataset",), listed
    elif "collections" in data:
        yield (), data


class _Taker:
    """Takes our sections out of one dataset, so that fideslang sees only what is its own."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self.sections: dict[tuple[str, ...], Section] = {}

    def take(self, path: Path_, raw: dict[str, Any]) -> dict[str, Any]:
        """A copy without our sections; these are validated and kept by (collection, field path…)."""
        stripped = copy.deepcopy(raw)
        if SECTION in stripped:
            problem = self._parsed.document.problem(
                (*path, SECTION), "no section is read here.", "put it into a collection or field."
            )
            self._parsed.problems.append(problem)
        for i, collection in enumerate(_mappings(stripped.get("collections"))):
            key, place = (str(collection.get("name")),), (*path, "collections", i)
            self._section(place, collection, CollectionSection, key)
            self._fields(place, collection, key)
        return stripped

    def _fields(self, owner_place: Path_, owner: dict[str, Any], owner_key: tuple[str, ...]) -> None:
        for i, inner in enumerate(_mappings(owner.get("fields"))):
            key, place = (*owner_key, str(inner.get("name"))), (*owner_place, "fields", i)
            self._section(place, inner, FieldSection, key)
            self._fields(place, inner, key)

    def _section(self, place: Path_, part: dict[str, Any], model: type[Section], key: tuple[str, ...]) -> None:
        self._parsed.places.setdefault(key, place)
        if SECTION not in part:
            return
        try:
            self.sections[key] = model.model_validate(part.pop(SECTION) or {})
        except ValidationError as error:
            self._parsed.problems.extend(self._parsed.document.problems_of(error, (*place, SECTION)))


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _build(parsed: Parsed, models: list[tuple[FidesDataset, dict[tuple[str, ...], Section]]]) -> None:
    names = {(m.fides_key, c.name) for m, _ in models for c in m.collections}
    collections: dict[str, Collection] = {}
    for model, sections in models:
        for fides in model.collections:
            if fides.name in collections:
                parsed.problems.append(parsed.problem((fides.name,), "it is described twice.", "keep one of them."))
            builder = _Builder(parsed, sections, names)
            collections[fides.name] = builder.collection(fides, tuple(model.data_categories or ()))
    first = models[0][0]
    namespace = (first.fides_meta.namespace if first.fides_meta else None) or {}
    schema = namespace.get("schema")
    parsed.dataset = Dataset(first.fides_key, tuple(collections.values()), str(schema) if schema else None)


class _Builder:
    """Builds one collection; `names` are all (dataset, collection) a reference may lead to."""

    def __init__(self, parsed: Parsed, sections: dict[tuple[str, ...], Section], names: set[tuple[str, str]]) -> None:
        self._parsed = parsed
        self._sections = sections
        self._names = names

    def collection(self, fides: Any, dataset_categories: tuple[str, ...]) -> Collection:
        section = self._sections.get((fides.name,))
        own = section if isinstance(section, CollectionSection) else CollectionSection()
        meta = fides.fides_meta
        method = own.erase
        if method is None and meta is not None and meta.masking_strategy_override is not None:
            method = CollectionMethod.DELETE  # the only strategy that Fides knows for a collection
        inherited = tuple(fides.data_categories or ()) or dataset_categories
        return Collection(
            name=fides.name,
            fields=tuple(self.field((fides.name,), f, inherited) for f in fides.fields),
            method=method,
            retain=own.retain.build() if own.retain else None,
            shared=own.shared,
            skipped=bool(meta is not None and meta.skip_processing),
            restrict=own.restrict.build() if own.restrict else None,
            suppress=tuple(s.build() for s in own.suppress),
            purposes=own.purposes,
            recorded=own.recorded,
        )

    def field(self, owner: tuple[str, ...], fides: Any, inherited: tuple[str, ...]) -> Field:
        path = (*owner, fides.name)
        section = self._sections.get(path)
        own = section if isinstance(section, FieldSection) else FieldSection()
        meta = fides.fides_meta
        categories = tuple(fides.data_categories or ()) or inherited
        identity = meta.identity if meta else None
        return Field(
            name=fides.name,
            categories=categories,
            identity=identity,
            primary_key=bool(meta and meta.primary_key),
            data_type=meta.data_type if meta else None,
            references=tuple(self._references(path, meta.references or ())) if meta else (),
            method=own.erase or _fides_method(meta),
            retain=own.retain.build() if own.retain else None,
            about=own.about,
            owner=own.owner,
            weak=own.weak if own.weak is not None else identity in WEAK_KINDS,
            match=own.match,
            export=own.export,
            search=own.search,
            orphans_ignored=own.orphans is not None,
            source=own.source,
            purposes=own.purposes,
            free_text=own.free_text.build() if own.free_text else None,
            nested=tuple(self.field(path, f, categories) for f in fides.fields or ()),
        )

    def _references(self, path: tuple[str, ...], references: Any) -> Iterator[Reference]:
        for reference in references:
            fits = [c for d, c in self._names if d == reference.dataset and reference.field.startswith(c + ".")]
            if not fits:
                self._parsed.problems.append(
                    self._parsed.problem(
                        path,
                        f"it refers to {reference.dataset}:{reference.field}, which this file does not describe.",
                        "write dataset and collection.field of this file, or describe that collection here.",
                    )
                )
                continue
            target = max(fits, key=len)
            direction = Direction(reference.direction.value if hasattr(reference.direction, "value") else "from")
            yield Reference(target, reference.field[len(target) + 1 :], direction)


def _fides_method(meta: Any) -> FieldMethod | None:
    override = meta.masking_strategy_override if meta else None
    return _FIDES_METHODS.get(override.strategy) if override else None
