"""A described database: collections, fields, references, and what erasure does with each. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic resolves the annotations at run time
from enum import StrEnum

from lethe_processors.dataset.rights import Restrict, Source, Suppress  # noqa: TC001 - pydantic resolves the annotations at run time

FieldPath = tuple[str, ...]
"""Column name, then the keys inside a JSON column."""


class CollectionMethod(StrEnum):
    """What erasure does with the rows of a collection that belong to the person."""

    DELETE = "delete"
    FIELDS = "fields"  # the rows stay, each field has a method
    KEEP = "keep"  # nothing in it is personal


class FieldMethod(StrEnum):
    """What erasure does with a field of a row that stays."""

    NULL = "null"
    DELETE = "delete"  # only inside a JSON column: the key goes
    PSEUDONYMISE = "pseudonymise"
    KEEP = "keep"  # not personal
    RETAIN = "retain"


class Direction(StrEnum):
    """Which way a person is followed along a reference, seen from the field that declares it."""

    FROM = "from"  # from the referenced row to this row: this row belongs to whom that one belongs to
    TO = "to"  # from this row to the referenced one, which others may refer to as well


class Comparison(StrEnum):
    """How the field of a condition is compared with its values."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    IN = "in"
    NOT_IN = "not_in"
    GREATER_THAN = "greater_than"
    LESS_THAN = "less_than"
    IS_NULL = "is_null"


class Match(StrEnum):
    """How a stored value is brought to the form in which an identifier is compared."""

    EXACT = "exact"
    CASEFOLD = "casefold"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Condition:
    """A test that a row passes to be retained. An unknown result (NULL) passes too: erasure cannot be undone."""

    field: str
    test: Comparison
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retain:
    """Why and how long the law keeps rows or a field (Art. 17(3)).

    The end is `until`, or the value of the column `until_field` plus `period` (ISO 8601, for example `P10Y`); without
    either it is the end of the ground itself. `like` names a reference: a row is kept exactly when, and as long as, the
    row it refers to is; everything else is then that row's. `also`: further categories that the same rule keeps.
    """

    ground: str
    article: str
    category: str
    until: datetime | None = None
    until_field: str | None = None
    period: str | None = None
    when: tuple[Condition, ...] = ()
    law: str | None = None
    like: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A field holds the value of `field` in `collection`."""

    collection: str
    field: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class FreeText:
    """What becomes of other people's identifiers in a field of free text (Art. 15(4)) when it is exported.

    `withhold`: a value in which one is found is left out whole; else each is replaced. `regions`: countries whose
    telephone numbers count as people write them at home; international ones always do.
    """

    withhold: bool = False
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a key inside a JSON column.

    `weak`: the value may be that of several people (a household's phone number), so it never decides alone against
    another identifier. `match` None: as the kind of identifier asks for. `about`: the reference column whose person
    the value concerns, or `others`. `owner` False on a reference: the row is somebody else's, only mentions the person.
    `source` None: as the column says, else provided.
    """

    name: str
    categories: tuple[str, ...] = ()
    identity: str | None = None
    primary_key: bool = False
    data_type: str | None = None
    references: tuple[Reference, ...] = ()
    method: FieldMethod | None = None
    retain: Retain | None = None
    about: str | None = None
    owner: bool = True
    weak: bool = False
    match: Match | None = None
    export: bool = True
    search: bool = True
    orphans_ignored: bool = False
    source: Source | None = None
    purposes: tuple[str, ...] = ()
    free_text: FreeText | None = None
    nested: tuple[Field, ...] = ()

    @property
    def personal(self) -> bool:
        return any(c == "user" or c.startswith("user.") for c in self.categories)


@dataclass(frozen=True, slots=True)
class Collection:
    """A table. `shared`: a row may be several people's; it goes only when it is nobody else's.

    `purposes`: the data uses of the register that this data serves; empty: all of the processor's. A field's go before.
    `recorded`: the column that tells when a row came, for whoever asks of whom data was held at some time.
    """

    name: str
    fields: tuple[Field, ...]
    method: CollectionMethod | None = None
    retain: Retain | None = None
    shared: bool = False
    skipped: bool = False
    restrict: Restrict | None = None
    suppress: tuple[Suppress, ...] = ()
    purposes: tuple[str, ...] = ()
    recorded: str | None = None

    @property
    def primary_key(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields if f.primary_key)

    @property
    def personal(self) -> bool:
        return any(f.personal for _, f in self.leaves())

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)

    def leaves(self) -> tuple[tuple[FieldPath, Field], ...]:
        """Every field with its path, containers of nested fields left out."""
        found: list[tuple[FieldPath, Field]] = []
        open_: list[tuple[FieldPath, Field]] = [((f.name,), f) for f in self.fields]
        while open_:
            path, field = open_.pop(0)
            if field.nested:
                open_ = [((*path, n.name), n) for n in field.nested] + open_
            else:
                found.append((path, field))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One database as one dataset file describes it. `schema`: where unqualified tables are; None: the search path."""

    key: str
    collections: tuple[Collection, ...]
    schema: str | None = None

    def collection(self, name: str) -> Collection | None:
        return next((c for c in self.collections if c.name == name), None)
