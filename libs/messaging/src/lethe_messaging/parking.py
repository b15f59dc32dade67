"""The parking lot as a person sees it, and what they may do there. Every act is in the journal, in its transaction."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from lethe_events import ContractError, Record, decode, encode
from lethe_messaging import journal
from lethe_messaging.errors import OperationRefused
from lethe_messaging.outbox import sql
from lethe_messaging.shape import shape, told_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from lethe_events import Headers
    from lethe_messaging.journal import Person
    from lethe_messaging.work import Work
    from lethe_postgres import Database

Json = dict[str, Any]
_KEYS = ("dsr_id", "subject_token", "breach_id", "case_id", "asset")
"""Fields by which messages of one topic or another are keyed."""


class Spot(NamedTuple):
    """Where a parked message came from."""

    topic: str
    partition: int
    offset: int


class Choice(NamedTuple):
    """Which parked messages: of a topic, of one `code` if given, the one at `place` (partition, offset) if given."""

    topic: str
    code: str | None = None
    place: tuple[int, int] | None = None
    limit: int = 1000


async def page(
    database: Database,
    *,
    topic: str | None = None,
    code: str | None = None,
    state: str | None = "parked",
    after: Spot | None = None,
    limit: int = 100,
) -> list[Json]:
    """What lies there, by place; `after` is the last one of the page before. Never content."""
    rows = await database.fetch(sql()["parked_page"], topic, code, state, *(after or (None, None, None)), limit)
    return [_told(row) for row in rows]


async def one(database: Database, spot: Spot) -> Json | None:
    """One parked message and its form (`shape`), with what of its content cannot tell of a person."""
    row = await database.fetchrow(sql()["parked_one"], *spot)
    if row is None:
        return None
    corrected = None if row["edited_value"] is None else shape(row["edited_value"])
    return {**_told(row), "form": shape(row["value"]), "correction": corrected}


async def retry(work: Work, choice: Choice, person: Person) -> int:
    """Send to their topic again, a corrected one as corrected; gives how many.

    Raises OperationRefused("same_person") for a correction that the same person made: like an exception, it needs
    two, because it says what a processor did not say.
    """
    rows = await _chosen(work, choice)
    if any(row["edited_by"] == person.name for row in rows):
        raise OperationRefused("same_person", "you corrected one of these messages: another person has to send it")
    work.send([_record(row) for row in rows])
    await _settle(work, rows, "retried", person)
    await _write_down(work, "retry", choice, rows, person)
    return len(rows)


async def discard(work: Work, choice: Choice, person: Person) -> int:
    """Settle without handling; gives how many."""
    rows = await _chosen(work, choice)
    await _settle(work, rows, "discarded", person)
    await _write_down(work, "discard", choice, rows, person)
    return len(rows)


async def correct(work: Work, spot: Spot, person: Person, body: bytes, type_: str | None = None) -> None:
    """Lay a corrected body (JSON) beside a message; it stays parked until somebody else retries it.

    It has to be a whole message of the contract, about the same key, and is stored as the contract writes it, so that
    nothing else travels with it. `type_`: another CloudEvents type. Raises OperationRefused.
    """
    rows = await _chosen(work, Choice(spot.topic, place=(spot.partition, spot.offset), limit=1))
    if not rows:
        raise OperationRefused("not_found", "no message is parked there: see what is with `lethe parked list`")
    row = rows[0]
    headers = _headers(row["headers"])
    if type_ is not None:
        headers = (
            *((name, value) for name, value in headers if name.lower() != "ce_type"),
            ("ce_type", type_.encode()),
        )
    try:
        received = decode(headers, body)
    except ContractError as error:
        raise OperationRefused("not_a_message", f"{error.code}: {error.detail}") from None
    key = (row["key"] or b"").decode("utf-8", "replace")
    if key not in _keys_of(received.body):
        raise OperationRefused("other_key", "the corrected message is about something else: its key has to stay")
    written = encode(spot.topic, key, received.body, received.envelope)
    await work.tx.execute(sql()["correct_parked"], *spot, written.value, _stored(written.headers), person.name)
    await _write_down(work, "edit", Choice(spot.topic, place=(spot.partition, spot.offset)), rows, person)


def _keys_of(body: object) -> set[str]:
    """What keys a message of this body may have."""
    return {str(getattr(body, name)) for name in _KEYS if hasattr(body, name)}


async def _chosen(work: Work, choice: Choice) -> list[asyncpg.Record]:
    place = choice.place or (None, None)
    return await work.tx.fetch(sql()["parked_for_change"], choice.topic, choice.code, choice.limit, *place)


async def _settle(work: Work, rows: Sequence[asyncpg.Record], state: str, person: Person) -> None:
    await work.tx.execute(
        sql()["settle_parked"],
        [row["topic"] for row in rows],
        [row["part"] for row in rows],
        [row["record_offset"] for row in rows],
        state,
        person.reason,
    )


async def _write_down(work: Work, act: str, choice: Choice, rows: Sequence[asyncpg.Record], person: Person) -> None:
    """Nothing that was done to nothing."""
    if not rows:
        return
    places = [f"{row['part']}/{row['record_offset']}" for row in rows]
    done = {"topic": choice.topic, "code": choice.code, "messages": places}
    await journal.record(work.tx, act, person, done)


def _told(row: asyncpg.Record) -> Json:
    return {
        "topic": row["topic"],
        "partition": row["part"],
        "offset": row["record_offset"],
        "code": row["code"],
        "detail": row["detail"],
        "state": row["state"],
        "note": row["note"],
        "edited_by": row["edited_by"],
        "bytes": row["bytes"] or 0,
        "first_seen": row["first_seen"],
        "changed_at": row["changed_at"],
        "envelope": told_by(row["key"], row["headers"]),
    }


def _record(row: asyncpg.Record) -> Record:
    corrected = row["edited_value"] is not None
    headers = row["edited_headers"] if corrected else row["headers"]
    value = row["edited_value"] if corrected else row["value"]
    return Record(row["topic"], row["key"] or b"", value or b"", _headers(headers))


def _headers(stored: Sequence[Sequence[str]]) -> Headers:
    return tuple((name, base64.b64decode(content)) for name, content in stored)


def _stored(headers: Headers) -> list[list[str]]:
    return [[name, base64.b64encode(content).decode()] for name, content in headers]
