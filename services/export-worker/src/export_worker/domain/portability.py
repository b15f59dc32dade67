"""Which part of an export Art. 20 covers, field by field. Pure; whatever is unknown is left out, and told."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from lethe_law.rights.portability import Basis, Origin, Portable, portable
from lethe_processors.dataset.rights import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lethe_processors.dataset.model import Collection, Field

_ORIGINS = {
    Source.PROVIDED: Origin.PROVIDED,
    Source.OBSERVED: Origin.OBSERVED,
    Source.DERIVED: Origin.INFERRED,
    Source.INFERRED: Origin.INFERRED,
}


class Reason(NamedTuple):
    """Why data is no part of a portable copy."""

    why: str
    article: str


UNDESCRIBED = Reason("not described in the register", "GDPR Art. 20(1)")


class Kept(NamedTuple):
    """A collection in a portable copy.

    `fields`: what stays, None for the whole value. `left_out`: reason → paths of fields.
    """

    fields: Mapping[str, Kept | None]
    left_out: Mapping[Reason, tuple[str, ...]]

    def of(self, record: Mapping[str, object]) -> dict[str, object]:
        """What stays of a record, never more than it holds.

        A value of another shape than described is left out: what is in it could not be told.
        """
        kept: dict[str, object] = {}
        for name in self.fields.keys() & record.keys():
            inner, value = self.fields[name], record[name]
            if inner is None or value is None:
                kept[name] = value
            elif isinstance(value, dict):
                kept[name] = inner.of(value)
            elif isinstance(value, list):
                kept[name] = [inner.of(v) for v in value if isinstance(v, dict)]
        return {name: kept[name] for name in record if name in kept}


class Portability:
    """Of one processor, by the register of today. Everything reached by a connector is processed by automated means."""

    def __init__(self, bases: Mapping[str, str], collections: Iterable[Collection] | None) -> None:
        """`bases`: purpose → lawful basis, as the register has them. `collections` None: nothing describes its data."""
        self._bases = {use: Basis(basis) for use, basis in bases.items()}
        self._described = collections is not None
        self._kept = {c.name: self._collection(c) for c in collections or ()}

    def of(self, collection: str) -> Kept | Reason | None:
        """What stays of its records; a reason, where nothing does; None where all does."""
        if not self._described:
            verdict = self._verdict(Source.PROVIDED, ())
            return None if verdict.included else Reason(verdict.why, verdict.article)
        return self._kept.get(collection, UNDESCRIBED)

    def _collection(self, collection: Collection) -> Kept | Reason:
        verdicts = [(f, self._of_leaf(collection, p, f)) for p, f in collection.leaves()]
        personal = [v for f, v in verdicts if f.personal or f.identity is not None] or [v for _, v in verdicts]
        if not any(v.included for v in personal):
            return Reason(personal[0].why, personal[0].article) if personal else UNDESCRIBED
        left_out: dict[Reason, list[str]] = defaultdict(list)
        fields = self._fields(collection, (), collection.fields, left_out)
        return Kept(fields, {reason: tuple(sorted(names)) for reason, names in left_out.items()})

    def _fields(
        self,
        collection: Collection,
        above: tuple[Field, ...],
        fields: Iterable[Field],
        left_out: dict[Reason, list[str]],
    ) -> dict[str, Kept | None]:
        kept: dict[str, Kept | None] = {}
        for field in fields:
            if field.nested:
                before = sum(map(len, left_out.values()))
                inner = self._fields(collection, (*above, field), field.nested, left_out)
                if inner:
                    kept[field.name] = Kept(inner, {}) if sum(map(len, left_out.values())) > before else None
                continue
            verdict = self._judged(collection, (*above, field))
            if verdict.included:
                kept[field.name] = None
            else:
                left_out[Reason(verdict.why, verdict.article)].append(".".join(f.name for f in (*above, field)))
        return kept

    def _of_leaf(self, collection: Collection, path: tuple[str, ...], leaf: Field) -> Portable:
        way: list[Field] = []
        fields = collection.fields
        for name in path[:-1]:
            way.append(next(f for f in fields if f.name == name))
            fields = way[-1].nested
        return self._judged(collection, (*way, leaf))

    def _judged(self, collection: Collection, way: tuple[Field, ...]) -> Portable:
        """The innermost word holds."""
        source = next((f.source for f in reversed(way) if f.source is not None), Source.PROVIDED)
        purposes = next((f.purposes for f in reversed(way) if f.purposes), collection.purposes)
        return self._verdict(source, purposes)

    def _verdict(self, source: Source, purposes: Iterable[str]) -> Portable:
        """One of several purposes that rests on consent or a contract is enough."""
        bases = [self._bases[use] for use in purposes if use in self._bases] or list(self._bases.values())
        verdicts = [portable(_ORIGINS[source], basis, automated=True) for basis in bases]
        return next((v for v in verdicts if v.included), verdicts[0])
