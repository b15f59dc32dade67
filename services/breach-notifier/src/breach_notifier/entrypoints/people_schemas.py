"""The shapes of what is said and shown about the people concerned: numbers and opaque words, never who."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Processor = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,63}$")]
Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,7}$", max_length=128)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reached(_Body):
    """One processor that the incident reached."""

    categories: list[Category] = Field(default=[], max_length=50, description="What of it; left out: all it holds")
    complete_since: AwareDatetime | None = Field(
        default=None, description="From when on its subject events name everybody; only for one that has them"
    )
    population: int | None = Field(default=None, ge=0, description="How many people it held at most, where it is known")


class Scope(_Body):
    """When the incident was, and which data of which processors it reached. A new scope replaces the one before."""

    start: AwareDatetime
    end: AwareDatetime
    processors: dict[Processor, Reached] = Field(min_length=1, max_length=200)


class Asked(BaseModel):
    case_id: UUID
    number: int = Field(description="Of the scope: ask for what came of it")


class SearchShown(BaseModel):
    processor_id: str
    asked_at: datetime
    answered_at: datetime | None
    failure: str | None = Field(description="A code, where it could not be searched: the bounds are wider then")
    people: int = Field(description="Rows about people; one person may be in several")
    shredded_at: datetime | None = Field(description="When the key of what was found was destroyed")


class ScopeShown(BaseModel):
    number: int
    start: datetime
    end: datetime
    processors: dict[str, Reached]
    asked_by: str
    asked_at: datetime
    counted_at: datetime | None = Field(description="Null: searches are out, or it is being counted")
    lower: int | None = Field(description="So many people are concerned for certain")
    upper: int | None = Field(description="So many at most; null once counted: nobody can tell")
    digest: str | None = Field(description="Tells whether two counts are of the same people")
    added: int | None = Field(description="Who came in against the scope before")
    removed: int | None
    searches: list[SearchShown]


class Affected(BaseModel):
    case_id: UUID
    scopes: list[ScopeShown] = Field(description="Oldest first; the last one holds")


Words = Annotated[str, Field(min_length=1, max_length=2000, description="In words, without personal data")]
Few = Annotated[list[Words], Field(max_length=20)]
Language = Annotated[str, Field(pattern="^(en|de|fr|es|it|nl|pl)$")]


class Said(_Body):
    """What a letter says in one language (Art. 34(2)): plain words."""

    nature: Words
    categories: Few = Field(min_length=1)
    consequences: Few = Field(min_length=1)
    measures: Few = Field(min_length=1)
    advice: Few = []


class Texts(_Body):
    said: dict[Language, Said] = Field(min_length=1, description="By language; at least that of `default`")
    default: Language = Field(default="en", description="For those whose own language is not known, or not here")


class Mailing(Texts):
    """Letters to everybody of the last scope who got none about this occurrence."""

    possible: bool = Field(default=True, description="Write also to those who are only possibly concerned")


class Public(Texts):
    """A public communication in place of letters (Art. 34(3)(c))."""

    affected: Words = Field(description="Who has to think of themselves")


class Rendered(BaseModel):
    subject: str
    text: str
    html: str


class Published(BaseModel):
    texts: dict[str, Rendered]


class Doubt(_Body):
    send_again: bool = Field(description="False: they count as not delivered")
    reason: Words


class Settled(BaseModel):
    letters: int


class MailingShown(BaseModel):
    number: int
    scope: int
    ordered_by: str
    ordered_at: datetime
    state: str = Field(description="asking, sending, told or stopped")
    reason: str | None
    ended_at: datetime | None


class LettersShown(BaseModel):
    case_id: UUID
    mailings: list[MailingShown]
    letters: dict[str, int] = Field(description="By state; uncertain ones wait for the relay's log or a person")
    repeats: int = Field(description="Sent again on a person's word, although they may have been accepted")
