"""The parts of `lethe:` sections that concern the rights beside erasure."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from lethe_events.models import Category
from lethe_processors.dataset.rights import Restrict, RestrictBy, Suppress, SuppressBy

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]


def as_text(value: Any) -> Any:
    """Booleans and numbers as PostgreSQL reads them; everything else as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Value = Annotated[str, BeforeValidator(as_text), StringConstraints(max_length=200)]


class RightSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RestrictSection(RightSection):
    """One of `flag`, `move`, `access`, `with`; or the word `none`."""

    flag: Name | None = None
    move: Name | None = None
    access: Name | None = None
    like: Annotated[Name | None, Field(alias="with")] = None
    none: bool = False
    value: Value = "true"
    otherwise: Value | None = "false"
    view: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"none": True} if value == "none" else value

    @model_validator(mode="after")
    def _one_method(self) -> RestrictSection:
        if len(self._methods()) != 1:
            raise ValueError("`restrict` needs exactly one of flag, move, access, with; or the word none")
        if self.flag is None and self.model_fields_set & {"value", "otherwise"}:
            raise ValueError("value and otherwise are what a `flag` says")
        if self.flag is not None and self.value == self.otherwise:
            raise ValueError("a flag has one value for restricted rows and another one otherwise")
        return self

    def _methods(self) -> dict[RestrictBy, str]:
        given = {
            RestrictBy.FLAG: self.flag,
            RestrictBy.MOVE: self.move,
            RestrictBy.ACCESS: self.access,
            RestrictBy.WITH: self.like,
            RestrictBy.NONE: "" if self.none else None,
        }
        return {by: name for by, name in given.items() if name is not None}

    def build(self) -> Restrict:
        [(by, name)] = self._methods().items()
        return Restrict(by, name, self.value, self.otherwise, self.view)


class SuppressSection(RightSection):
    """`{purpose, flag, value}` or `{purpose, insert, purpose_field}`."""

    purpose: Category
    flag: Name | None = None
    insert: Name | None = None
    value: Value = "false"
    purpose_field: Name | None = None

    @model_validator(mode="after")
    def _one_method(self) -> SuppressSection:
        if (self.flag is None) == (self.insert is None):
            raise ValueError("`suppress` needs either flag or insert for each purpose")
        stray = {"purpose_field"} if self.flag is not None else {"value"}
        if stray & self.model_fields_set:
            raise ValueError("value goes with `flag`, purpose_field with `insert`")
        return self

    def build(self) -> Suppress:
        if self.flag is not None:
            return Suppress(self.purpose, SuppressBy.FLAG, self.flag, self.value)
        return Suppress(self.purpose, SuppressBy.INSERT, self.insert or "", purpose_field=self.purpose_field)
