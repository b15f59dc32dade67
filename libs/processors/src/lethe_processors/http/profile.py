"""What a declarative connector can say about a vendor's API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lethe_events.models import Collection  # noqa: TC001 - pydantic reads it at run time
from lethe_processors.http.authentication import Auth, HeaderName  # noqa: TC001 - as above
from lethe_processors.http.callback import Callback  # noqa: TC001 - as above
from lethe_processors.http.steps import (
    CALLBACK,
    ID,
    JOB,
    Confirm,
    Entry,
    Look,
    Poll,
    Read,
    ReadBack,
    Submit,
    VerifyLook,
)


class Rate(Entry):
    """Calls, not people. `Retry-After` is honoured in any case."""

    per_second: Annotated[float, Field(gt=0)]


class LookupStep(Entry):
    lookup: Look


class SubmitStep(Entry):
    submit: Submit


class ConfirmStep(Entry):
    confirm: Confirm


class PollStep(Entry):
    poll: Poll


class ReadBackStep(Entry):
    read_back: ReadBack


Step = LookupStep | SubmitStep | ConfirmStep | PollStep | ReadBackStep
_ORDER = (LookupStep, SubmitStep, ConfirmStep, PollStep, ReadBackStep)
_IN_ORDER = "the steps are lookups, then at least one submit, then confirms, then at most one poll and one read_back"


class Erase(Entry):
    """lookups, then submits (each for every person found), confirms, at most one poll, at most one read_back.

    `method`: what the submits do to the record; anything but `erased` has to be read back. `done_within`: how long
    after the submit the vendor may still hold the data.
    """

    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    method: Literal["erased", "nulled", "pseudonymised"] = "erased"
    done_within: timedelta = timedelta(days=30)
    collection: Collection = "records"

    @property
    def lookups(self) -> tuple[Look, ...]:
        return tuple(s.lookup for s in self.steps if isinstance(s, LookupStep))

    @property
    def submits(self) -> tuple[Submit, ...]:
        return tuple(s.submit for s in self.steps if isinstance(s, SubmitStep))

    @property
    def confirms(self) -> tuple[Confirm, ...]:
        return tuple(s.confirm for s in self.steps if isinstance(s, ConfirmStep))

    @property
    def poll(self) -> Poll | None:
        return next((s.poll for s in self.steps if isinstance(s, PollStep)), None)

    @property
    def read_back(self) -> ReadBack | None:
        return next((s.read_back for s in self.steps if isinstance(s, ReadBackStep)), None)

    @property
    def holes(self) -> frozenset[str]:
        """All that its steps fill in."""
        calls = (*self.lookups, *self.submits, *self.confirms, self.poll, self.read_back)
        return frozenset().union(*(call.holes for call in calls if call is not None))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        order = [_ORDER.index(type(s)) for s in self.steps]
        if order != sorted(order) or 1 not in order or order.count(3) > 1 or order.count(4) > 1:
            raise ValueError(_IN_ORDER)
        for look in self.lookups:
            if look.id is None:
                raise ValueError("a lookup that leads to a submit needs `id`: where the person's id lies")
        for submit in self.submits:
            if ID in submit.holes and not self.lookups:
                raise ValueError("{id} is filled in by a lookup, and there is none")
            if not submit.kinds and ID not in submit.holes:
                raise ValueError("a submit names nobody: fill in {id} or an identifier")
            if len(submit.kinds) > 1 or (submit.kinds and self.lookups):
                raise ValueError("a submit names the person by {id} where there are lookups, else by one identifier")
        return self

    @model_validator(mode="after")
    def _can_be_filled_in(self) -> Self:
        if self.poll and JOB in self.poll.holes and not any(s.job_id for s in self.submits):
            raise ValueError("{job} is filled in by `job_id` of a submit, and none has it")
        named = frozenset().union(*(s.kinds for s in self.submits))
        if self.poll and self.poll.kinds - named:
            raise ValueError("a poll fills in {job}, {id} or the identifier of its submit")
        if self.read_back and (self.read_back.kinds - named or JOB in self.read_back.holes):
            raise ValueError("a read_back fills in {id} or the identifier of its submit")
        for confirm in self.confirms:
            if JOB in confirm.holes and not any(s.job_id for s in self.submits):
                raise ValueError("{job} is filled in by `job_id` of a submit, and none has it")
            if unknown := confirm.kinds - named - {name for s in self.submits for name in s.take}:
                raise ValueError(f"a confirm fills in {sorted(unknown)}, which no submit has in its `take`")
        return self

    @model_validator(mode="after")
    def _masks_openly(self) -> Self:
        if self.method == "erased" and any(s.method == "PATCH" for s in self.submits):
            raise ValueError("PATCH changes a record and deletes none: say `method: nulled` or `method: pseudonymised`")
        if self.method != "erased" and self.read_back is None:
            raise ValueError(f"`method: {self.method}` has to be seen: add a read_back with what `holds` afterwards")
        return self


class Verify(Entry):
    """Look again; any match means the data is still there, unless it `holds` what masking put there."""

    looks: Annotated[tuple[VerifyLook, ...], Field(min_length=1)]


class Export(Entry):
    """`lookup`: only if the export finds people in another way than the erasure."""

    lookup: tuple[Look, ...] = ()
    collections: Annotated[tuple[Read, ...], Field(min_length=1)]


class HttpProfile(Entry):
    """A vendor. `base_url` may be a reference. `timeout` bounds one call, `parallel` the people worked at a time."""

    base_url: Annotated[str, StringConstraints(pattern=r"^(https?://\S+|env:[A-Za-z_][A-Za-z0-9_]*)$")]
    plain_http: bool = False
    """http instead of https is refused, but for this machine itself, unless a person says so here."""
    auth: Auth
    read_auth: Auth | None = None
    """Credentials that can only read, for verify and export; None: the same as for erase."""
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    rate: Rate | None = None
    timeout: timedelta = timedelta(seconds=10)
    max_bytes: Annotated[int, Field(ge=1024)] = 5 * 1024 * 1024
    parallel: Annotated[int, Field(ge=1, le=64)] = 4
    idempotency_header: HeaderName | None = None
    erase: Erase | None = None
    verify: Verify | None = None
    export: Export | None = None
    callback: Callback | None = None

    @property
    def export_lookups(self) -> tuple[Look, ...]:
        """Those that the export needs: none, where its calls name the person by an identifier."""
        if self.export is None or not any(ID in read.holes for read in self.export.collections):
            return ()
        return self.export.lookup or (self.erase.lookups if self.erase else ())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.erase is not None and self.verify is not None:
            used = {look.path for look in self.erase.lookups}
            if any(look.path in used for look in self.verify.looks):
                raise ValueError("verify looks by the same path as the erasure: an error there would hide itself")
        if self.erase is not None and CALLBACK in self.erase.holes and (self.callback is None or not self.callback.url):
            raise ValueError("{callback} is filled in by `url` of `callback`, and there is none")
        if self.callback is not None and not any(s.job_id for s in (self.erase.submits if self.erase else ())):
            raise ValueError("a callback is told apart by the job: say `job_id` of a submit, and `job` of the callback")
        if self.export is not None and any(ID in c.holes for c in self.export.collections):
            lookups = self.export_lookups
            if not lookups or any(look.id is None for look in lookups):
                raise ValueError("an export with {id} needs a lookup with `id`")
        return self
