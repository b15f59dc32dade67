"""Endpoints for what people do to messaging, the same in every service: the parking lot, offsets, the journal.

What is behind them is a port: the library that speaks to Kafka fills it, and this one does not know it.
"""

# Annotations are real objects here, because FastAPI reads them.
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lethe_chassis.auth.principal import Principal
from lethe_chassis.auth.scope import require_scope
from lethe_chassis.errors import Conflict, FieldError, Forbidden, Invalid, NotFound

READ = "messaging:read"
ACT = "messaging:act"
T = TypeVar("T")

Reader = Annotated[Principal, Depends(require_scope(READ))]
Actor = Annotated[Principal, Depends(require_scope(READ, ACT))]
Reason = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
        description="A code of your own for the journal, never free text",
        examples=["connector_mended"],
    ),
]
Topic = Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$")]
Partition = Annotated[int, Field(ge=0, lt=2**31)]
Offset = Annotated[int, Field(ge=0, lt=2**62)]
InPath = Annotated[int, Path(ge=0, lt=2**31)]
OffsetInPath = Annotated[int, Path(ge=0, lt=2**62)]
_PLACE = re.compile(r"([A-Za-z0-9._-]{1,249})/(\d{1,9})/(\d{1,18})")


class MessagingOperations(Protocol):
    """Every act is on record with who did it and why. A refusal is an exception with `code` and `detail`."""

    async def parked(
        self,
        *,
        topic: str | None,
        code: str | None,
        state: str | None,
        after: tuple[str, int, int] | None,
        limit: int,
    ) -> list[dict[str, Any]]: ...

    async def message(self, topic: str, partition: int, offset: int) -> dict[str, Any] | None: ...

    async def retry(
        self, by: str, reason: str, *, topic: str, code: str | None, place: tuple[int, int] | None, limit: int
    ) -> int: ...

    async def discard(
        self, by: str, reason: str, *, topic: str, code: str | None, place: tuple[int, int] | None, limit: int
    ) -> int: ...

    async def correct(
        self, by: str, reason: str, *, topic: str, place: tuple[int, int], body: bytes, type_: str | None
    ) -> None: ...

    async def partitions(self) -> list[dict[str, Any]]: ...

    async def skip(self, by: str, reason: str, *, topic: str, partition: int, offset: int, count: int) -> int: ...

    async def move(self, by: str, reason: str, *, topic: str, partition: int | None, to: int) -> int: ...

    async def journal(self, after: int, limit: int) -> list[dict[str, Any]]: ...


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ParkedMessage(BaseModel):
    """`envelope`: type and ids, each only if it is what it should be. Content is never shown."""

    topic: str
    partition: int
    offset: int
    code: str
    detail: str
    state: str
    note: str | None
    edited_by: str | None = Field(description="Whoever corrected it; somebody else has to retry it")
    bytes: int
    first_seen: datetime
    changed_at: datetime
    envelope: Mapping[str, str]


class ParkedMessages(BaseModel):
    """`next`: the `after` of the next page."""

    items: list[ParkedMessage]
    next: str | None


class WholeMessage(ParkedMessage):
    """`form`: the JSON of the body with kinds and sizes in place of values; ids and words of the contract stay."""

    form: JsonValue
    correction: JsonValue


class Place(_Body):
    """Where one message came from."""

    partition: Partition
    offset: Offset


class Choice(_Body):
    """Parked messages of a topic, of one code or place if given."""

    topic: Topic
    code: str | None = Field(None, max_length=64)
    place: Place | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    reason: Reason


class Correction(_Body):
    """The whole corrected body. It is checked against the contract and stored as the contract writes it."""

    body: dict[str, JsonValue]
    type: str | None = Field(None, max_length=100, description="Another CloudEvents type")
    reason: Reason


class Skip(_Body):
    """Records to leave out, from where the partition stands."""

    topic: Topic
    partition: Partition
    offset: Offset
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    reason: Reason


class Move(_Body):
    """Where a partition, or without one every partition of the topic, is to go on."""

    topic: Topic
    partition: Partition | None = None
    to: Offset
    reason: Reason


class Done(BaseModel):
    """How many messages or partitions it was done to."""

    count: int


class GoesOn(BaseModel):
    next_offset: int


class Standing(BaseModel):
    """`stopped`: why the instance that answers does not go on with it, if it owns it."""

    topic: str
    partition: int
    next_offset: int
    updated_at: datetime
    stopped: str | None


class Partitions(BaseModel):
    items: list[Standing]


class JournalEntry(BaseModel):
    """`hash` is SHA-256 over the hash before (64 zeros at first), a line feed and `content`."""

    seq: int
    hash: str
    content: str


class Journal(BaseModel):
    items: list[JournalEntry]


def operations_router(operations: Callable[[], MessagingOperations], refused: type[Exception]) -> APIRouter:
    """Scopes `messaging:read` and `messaging:act`: they reach over all controllers, so no other scope implies them.

    `refused`: what `operations` raises, with `code` and `detail`, for what cannot be done.
    """
    router = APIRouter(prefix="/v1/messaging", tags=["messaging"])
    _add_looking(router, operations)
    _add_settling(router, operations, refused)
    _add_moving(router, operations, refused)
    return router


def _add_looking(router: APIRouter, operations: Callable[[], MessagingOperations]) -> None:
    @router.get("/parked", summary="Messages that could not be taken, by place; never their content")
    async def parked(
        _: Reader,
        topic: Annotated[str | None, Query(max_length=249)] = None,
        code: Annotated[str | None, Query(max_length=64)] = None,
        state: Literal["parked", "retried", "discarded", "expired", "any"] = "parked",
        after: Annotated[str | None, Query(max_length=300, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> ParkedMessages:
        found = await operations().parked(
            topic=topic, code=code, state=None if state == "any" else state, after=_place(after), limit=limit
        )
        items = [ParkedMessage.model_validate(item) for item in found]
        last = items[-1] if len(items) == limit else None
        following = None if last is None else f"{last.topic}/{last.partition}/{last.offset}"
        return ParkedMessages(items=items, next=following)

    @router.get("/parked/{topic}/{partition}/{offset}", summary="One such message: why, and of which form")
    async def message(_: Reader, topic: str, partition: InPath, offset: OffsetInPath) -> WholeMessage:
        found = await operations().message(topic, partition, offset)
        if found is None:
            raise NotFound("No message of this place was ever parked here.")
        return WholeMessage.model_validate(found)

    @router.get("/partitions", summary="Where each partition stands, and which wait for a person")
    async def partitions(_: Reader) -> Partitions:
        return Partitions.model_validate({"items": await operations().partitions()})

    @router.get("/journal", summary="What people did to messaging: a chain of hashes, oldest first")
    async def journal(
        _: Reader,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 200,
    ) -> Journal:
        return Journal.model_validate({"items": await operations().journal(after, limit)})


def _add_settling(router: APIRouter, operations: Callable[[], MessagingOperations], refused: type[Exception]) -> None:
    @router.post("/parked/retry", summary="Send parked messages to their topic again, corrected ones as corrected")
    async def retry(body: Choice, person: Actor) -> Done:
        acting = operations().retry(person.subject, body.reason, **_chosen(body))
        return Done(count=await _told(acting, refused))

    @router.post("/parked/discard", summary="Settle parked messages without handling them")
    async def discard(body: Choice, person: Actor) -> Done:
        acting = operations().discard(person.subject, body.reason, **_chosen(body))
        return Done(count=await _told(acting, refused))

    @router.post(
        "/parked/{topic}/{partition}/{offset}/edit",
        status_code=204,
        summary="Lay a corrected body beside a parked message; another person then retries it",
    )
    async def edit(
        topic: str,
        partition: InPath,
        offset: OffsetInPath,
        body: Correction,
        person: Actor,
    ) -> None:
        text = json.dumps(body.body, ensure_ascii=False).encode()
        acting = operations().correct(
            person.subject, body.reason, topic=topic, place=(partition, offset), body=text, type_=body.type
        )
        await _told(acting, refused)


def _add_moving(router: APIRouter, operations: Callable[[], MessagingOperations], refused: type[Exception]) -> None:
    @router.post("/partitions/skip", summary="Leave out records that stop a partition")
    async def skip(body: Skip, person: Actor) -> GoesOn:
        acting = operations().skip(
            person.subject,
            body.reason,
            topic=body.topic,
            partition=body.partition,
            offset=body.offset,
            count=body.count,
        )
        return GoesOn(next_offset=await _told(acting, refused))

    @router.post("/partitions/move", summary="Let partitions go on elsewhere, after a topic was made anew")
    async def move(body: Move, person: Actor) -> Done:
        acting = operations().move(person.subject, body.reason, topic=body.topic, partition=body.partition, to=body.to)
        return Done(count=await _told(acting, refused))


async def _told(acting: Awaitable[T], refused: type[Exception]) -> T:
    try:
        return await acting
    except refused as error:
        code, detail = str(getattr(error, "code", "refused")), str(error)
        if code == "not_found":
            raise NotFound(f"{detail}.") from None
        if code == "same_person":
            raise Forbidden(code, f"{detail}.") from None
        if code in {"not_a_message", "other_key"}:
            raise Invalid([FieldError("body", "is not a message that could stand here", detail)]) from None
        raise Conflict(code, f"{detail}.") from None


def _chosen(body: Choice) -> dict[str, Any]:
    place = None if body.place is None else (body.place.partition, body.place.offset)
    return {"topic": body.topic, "code": body.code, "place": place, "limit": body.limit}


def _place(after: str | None) -> tuple[str, int, int] | None:
    if after is None:
        return None
    found = _PLACE.fullmatch(after)
    if found is None:
        raise Invalid([FieldError("query.after", "is not a place in this list", "use `next` of a page")])
    return found[1], int(found[2]), int(found[3])
