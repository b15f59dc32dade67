"""The calls that a profile is made of. Unknown fields are errors: a misspelt rule would be no rule.

Names in braces are filled in: an identifier kind (`{email}`), `{id}` (found by a lookup), `{job}` and what `take` names
(given by a submit), `{masked}` (an opaque value in place of a person's), `{callback}` (where the vendor calls back).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from lethe_events.models import Collection
from lethe_processors.http.paths import Path
from lethe_processors.http.template import holes

Status = Annotated[int, Field(ge=200, le=599)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ID, JOB, MASKED, CALLBACK = "id", "job", "masked", "callback"
OWN = frozenset({ID, JOB, MASKED, CALLBACK})
"""Names that are filled in by this library, and are no identifier kinds."""
Told = str | int | bool | None


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Call(Entry):
    """One HTTP call, written `GET: /path?query={email}`. `json` or `form` (form-encoded) is the body."""

    method: Method
    path: Annotated[str, StringConstraints(pattern=r"^/[^\s#]*$")]
    body: object = Field(default=None, alias="json")
    form: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _method_is_the_key(cls, data: object) -> object:
        if not isinstance(data, dict) or "method" in data:
            return data
        methods = [m for m in _METHODS if m in data]
        if len(methods) != 1:
            raise ValueError("say the method and the path of one call, for example `GET: /v1/customers/{id}`")
        rest = {k: v for k, v in data.items() if k != methods[0]}
        return {**rest, "method": methods[0], "path": data[methods[0]]}

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.form is not None and self.body is not None:
            raise ValueError("a call has one body: `json` or `form`, not both")
        return self

    @property
    def holes(self) -> frozenset[str]:
        return holes(self.path) | holes(self.body) | holes(self.form)

    @property
    def kinds(self) -> frozenset[str]:
        """Identifier kinds that the call needs."""
        return self.holes - OWN


class Pages(Entry):
    """How to come to the next page.

    link: `next` is its URL, on the same host. link_header: the same, in the header `Link` (RFC 8288, rel="next").
    cursor: `next` is put into the query parameter `param`. offset: `param` counts elements, until a page has fewer
    than `size`.
    """

    by: Literal["link", "link_header", "cursor", "offset"]
    next: Path | None = None
    param: str | None = None
    size: Annotated[int, Field(ge=1)] = 100
    most: Annotated[int, Field(ge=1, le=100_000)] = 1000

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.by in {"link", "cursor"} and self.next is None:
            raise ValueError(f"pages by {self.by} need `next`: where the answer tells the next page")
        if self.by in {"cursor", "offset"} and self.param is None:
            raise ValueError(f"pages by {self.by} need `param`: the query parameter to put it into")
        if self.by == "link_header" and self.next is not None:
            raise ValueError("pages by link_header take the next page from the header: leave `next` out")
        return self


class Listing(Call):
    """A call that reads. `each`: the path of the elements; without it the answer is one element."""

    each: Path | None = None
    pages: Pages | None = None
    not_found: tuple[Status, ...] = (404,)
    """Statuses that say: there is nothing."""
    collection: Collection = "records"

    @field_validator("each")
    @classmethod
    def _is_a_list(cls, each: str | None) -> str | None:
        if each is not None and not each.endswith("[*]"):
            raise ValueError("`each` names elements of a list: let it end with [*]")
        return each


class Look(Listing):
    """Find the person's records by an identifier of one kind.

    `match`: path within an element → identifier kind that must be equal. A search can return other people, so a
    look over a list is refused without it.
    """

    id: Path | None = None
    match: dict[Path, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if len(self.kinds) != 1 or self.holes != self.kinds:
            raise ValueError("a look fills in identifiers of exactly one kind, for example {email}")
        if self.each is not None and not self.match:
            raise ValueError("a search can return other people: say in `match` which field must equal the identifier")
        if unknown := set(self.match.values()) - self.kinds:
            raise ValueError(f"`match` compares with {sorted(unknown)}, which this look does not fill in")
        return self

    @property
    def kind(self) -> str:
        return next(iter(self.kinds))


class VerifyLook(Look):
    """Look whether the person is still there. `holds`: what a record that was masked says; it is not residual."""

    holds: dict[Path, Told] = Field(default_factory=dict)


class Rule(Entry):
    """A status, narrowed by what lies at a path of the answer."""

    status: Status
    at: Path
    equals: str | int | bool


class Asking(Call):
    """A call that changes something.

    `accepted`: statuses that say "later" (asynchronous). `absent`: already gone. `already`: asked before, by a try
    whose answer was lost.
    """

    ok: tuple[Status, ...] = (200, 201, 204)
    accepted: tuple[Status, ...] = (202,)
    absent: tuple[Status, ...] = (404, 410)
    already: tuple[Status | Rule, ...] = ()


class Submit(Asking):
    """Ask for the deletion, or for the masking.

    `job_id`: alternatives, in order. `take`: what a confirm has to give back, by the name under which it fills it in.
    """

    job_id: tuple[Path, ...] = ()
    take: dict[Name, Path] = Field(default_factory=dict)

    @field_validator("take")
    @classmethod
    def _names_of_its_own(cls, take: dict[str, str]) -> dict[str, str]:
        if taken := take.keys() & OWN:
            raise ValueError(f"`take` cannot name anything {sorted(taken)}: these are filled in otherwise")
        return take

    @field_validator("job_id", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Confirm(Asking):
    """The second call that a vendor asks for before it begins. Safe to repeat, like the submit."""


class ReadBack(Call):
    """Read the record after it was masked. `holds`: path → what has to stand there now. `absent`: it is gone whole."""

    holds: Annotated[dict[Path, Told], Field(min_length=1)]
    absent: tuple[Status, ...] = (404, 410)

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if self.method != "GET":
            raise ValueError("a read_back reads: write it as GET")
        return self


class JobState(StrEnum):
    """What a vendor says of its job. A status that is not in the map is `running`, never `done`."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class Poll(Call):
    """Ask how the job stands, at most for `within`: what takes longer is looked at again by verify.

    `status` may name many (`[*]`): done only when all are; with `reduce: last` the last one counts. With `each`, it
    lies within an element, and `per` names what elements are told apart by (an application of the vendor): of each,
    the last element counts, and done is only what is done everywhere.
    """

    status: Path
    map: dict[JobState, tuple[str, ...]]
    reduce: Literal["all", "last"] = "all"
    each: Path | None = None
    per: Path | None = None
    every: timedelta = timedelta(seconds=0.5)
    within: timedelta = timedelta(seconds=2)

    @model_validator(mode="after")
    def _can_end(self) -> Self:
        if not self.map.get(JobState.DONE):
            raise ValueError("say which statuses mean done, or leave the poll out")
        named = [status for statuses in self.map.values() for status in statuses]
        if len(named) != len(set(named)):
            raise ValueError("a status can stand in one list of the map only")
        if self.per is not None and self.each is None:
            raise ValueError("`per` tells elements apart: say in `each` where they are")
        if self.within > timedelta(seconds=30):
            raise ValueError("`within` is for quick jobs, 30 s at most; longer ones are looked at again by verify")
        return self


class Read(Listing):
    """One collection of an export. `omit`: fields (dotted) that concern somebody else (Art. 15(4))."""

    record: Path = "$"
    """Where the exported record lies within an element."""
    omit: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if len(self.holes) != 1 or JOB in self.holes:
            raise ValueError("an export call fills in {id}, or identifiers of exactly one kind")
        return self
