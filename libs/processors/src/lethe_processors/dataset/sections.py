"""The `lethe:` sections of a dataset file: what erasure does with a collection or a field, and whose data it is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from lethe_events.models import Article, Category, Code
from lethe_processors.dataset.model import CollectionMethod, Comparison, Condition, FieldMethod, FreeText, Match, Retain
from lethe_processors.dataset.right_sections import RestrictSection, SuppressSection
from lethe_processors.dataset.rights import Source

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
_PERIOD = re.compile(r"^P(?=\d)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,5}D)?$")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _text(value: Any) -> Any:
    """Booleans as PostgreSQL reads them; everything else as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return value.isoformat() if isinstance(value, date) else str(value)
    return value


Literal_ = Annotated[str, BeforeValidator(_text)]


class WhenSection(Section):
    """One test of one column."""

    field: Name
    equals: Literal_ | None = None
    not_equals: Literal_ | None = None
    in_: Annotated[tuple[Literal_, ...] | None, Field(alias="in", min_length=1)] = None
    not_in: Annotated[tuple[Literal_, ...] | None, Field(min_length=1)] = None
    greater_than: Literal_ | None = None
    less_than: Literal_ | None = None
    is_null: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> WhenSection:
        if len(self._tests()) != 1:
            names = ", ".join(c.value for c in Comparison)
            raise ValueError(f"a condition needs exactly one of {names}")
        return self

    def _tests(self) -> list[tuple[Comparison, tuple[str, ...]]]:
        found: list[tuple[Comparison, tuple[str, ...]]] = []
        for comparison in Comparison:
            value = getattr(self, "in_" if comparison is Comparison.IN else comparison.value)
            if value is not None:
                found.append((comparison, value if isinstance(value, tuple) else (str(_text(value)),)))
        return found

    def build(self) -> Condition:
        comparison, values = self._tests()[0]
        return Condition(self.field, comparison, values)


class RetainSection(Section):
    ground: Code | None = None
    article: Article | None = None
    category: Category | None = None
    law: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    like: Annotated[Name | None, Field(alias="with")] = None
    until: datetime | date | None = None
    until_field: Name | None = None
    period: str | None = None
    when: tuple[WhenSection, ...] = ()

    @field_validator("period")
    @classmethod
    def _iso_period(cls, value: str | None) -> str | None:
        if value is not None and not _PERIOD.match(value):
            raise ValueError("a period is written in ISO 8601, for example P10Y, P6M or P90D")
        return value

    @model_validator(mode="after")
    def _own_or_borrowed(self) -> RetainSection:
        if self.like is not None and self.model_fields_set != {"like"}:
            raise ValueError("`with` takes everything from the row it refers to: give nothing else")
        if self.like is None and None in {self.ground, self.article, self.category}:
            raise ValueError("give ground, article and category, or `with` a reference to a retained row")
        return self

    @model_validator(mode="after")
    def _one_end(self) -> RetainSection:
        if self.until is not None and self.until_field is not None:
            raise ValueError("give until or until_field, not both")
        if self.period is not None and self.until_field is None:
            raise ValueError("a period counts from the value of until_field: name that column")
        return self

    def build(self) -> Retain:
        until = self.until
        if until is not None and not isinstance(until, datetime):
            until = datetime.combine(until, time.max, UTC)
        if until is not None and until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        when = tuple(w.build() for w in self.when)
        return Retain(
            ground=self.ground or "",
            article=self.article or "",
            category=self.category or "",
            until=until,
            until_field=self.until_field,
            period=self.period,
            when=when,
            law=self.law,
            like=self.like,
        )


class CollectionSection(Section):
    """`lethe:` of a collection."""

    erase: CollectionMethod | None = None
    retain: RetainSection | None = None
    shared: bool = False
    restrict: RestrictSection | None = None
    suppress: tuple[SuppressSection, ...] = ()
    purposes: tuple[Category, ...] = ()
    recorded: Name | None = None


def _null_word(value: Any) -> Any:
    """`erase: null` is no text in YAML, and yet what everybody would write."""
    if isinstance(value, dict) and "erase" in value and value["erase"] is None:
        return {**value, "erase": FieldMethod.NULL.value}
    return value


class FreeTextSection(Section):
    """`free_text: redact`, `free_text: withhold`, or `{others: redact, regions: [DE, AT]}`."""

    others: Literal["redact", "withhold"] = "redact"
    regions: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"others": value} if isinstance(value, str) else value

    def build(self) -> FreeText:
        return FreeText(self.others == "withhold", self.regions)


class FieldSection(Section):
    """`lethe:` of a field, or of a key inside a JSON column."""

    erase: FieldMethod | None = None
    retain: RetainSection | None = None
    about: Name | None = None
    owner: bool = True
    weak: bool | None = None
    match: Match | None = None
    export: bool = True
    search: bool = True
    orphans: Literal["ignored"] | None = None
    source: Source | None = None
    purposes: tuple[Category, ...] = ()
    free_text: FreeTextSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _null(cls, value: Any) -> Any:
        return _null_word(value)

    @model_validator(mode="after")
    def _retain_has_its_ground(self) -> FieldSection:
        if self.erase is FieldMethod.RETAIN and self.retain is None:
            raise ValueError("erase: retain needs retain: {ground, article, category}")
        if self.retain is not None and (self.retain.until_field or self.retain.when or self.retain.like):
            raise ValueError("a field is retained until a date or until its ground ends; conditions are for rows")
        return self
