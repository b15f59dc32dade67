"""Submit over HTTP at a rate, and read from PostgreSQL when each saga was accepted and closed."""

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg
import http_load
from sampling import Profile, Sampling
from stacks import cpu_seconds, processes, resident_mb

from lethe_example_shop import person_number
from lethe_testkit.stack import Stack

_CLOSED = """FROM intake.dsr d JOIN orchestrator.saga s ON s.id = d.dsr_id
WHERE d.accepted_at >= $1 AND s.closed_at IS NOT NULL"""
_SPAN = f"""
SELECT count(*) AS closed, min(d.accepted_at) AS first, max(s.closed_at) AS last, percentile_cont(ARRAY[0.5, 0.9, 0.99])
       WITHIN GROUP (ORDER BY extract(epoch FROM s.closed_at - d.accepted_at)) AS p
{_CLOSED}
"""
_HISTOGRAM = f"""
SELECT width_bucket(extract(epoch FROM s.closed_at - d.accepted_at)::float8 * 1000, $2::float8[]) AS n,
       count(*) AS sagas {_CLOSED} GROUP BY 1
"""
_ACCEPTED = "SELECT count(*) FROM intake.dsr WHERE accepted_at >= $1"
OPEN = 1200
"""Sagas, about two seconds of work."""
BOUNDS_MS = (25, 50, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10000)


@dataclass
class Run:
    """Seconds and sagas. `closed_per_second`: from the first acceptance to the last closing."""

    name: str
    submitted: int
    closed: int = 0
    closed_per_second: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    offered: float | None = None
    intake: dict[str, object] = field(default_factory=dict)
    cpu_ms_per_saga: dict[str, float] = field(default_factory=dict)
    rss_mb: dict[str, int] = field(default_factory=dict)
    histogram: list[int] = field(default_factory=list)
    """Sagas by time from submit to closed: one number per bound of `BOUNDS_MS`, and one for what took longer."""
    profiles: list[Profile] = field(default_factory=list)


async def profiled(stack: Stack, name: str, make: http_load.MakeRequest, *, seconds: float, rate: float) -> Run:
    """A run of its own, so that being watched does not show in the figures of another."""
    services = {n: p for n, p in processes(stack).items() if n not in {"kafka", "postgres"}}
    sampling = Sampling(services)
    run = await sagas(stack, f"{name} watched", make, seconds=seconds, rate=rate)
    run.profiles = sampling.stop()
    return run


async def sagas(stack: Stack, name: str, make: http_load.MakeRequest, *, seconds: float, rate: float | None) -> Run:
    """`rate` None: as fast as intake takes them. Waits until everything is closed."""
    found = processes(stack)
    before = cpu_seconds(found)
    connection = await asyncpg.connect(stack.database())
    begin = await connection.fetchval("SELECT clock_timestamp()")
    url = stack.url("intake")
    if rate is None:
        outcome = await _as_many_as_go(stack, url, make, begin, seconds)
    else:
        outcome = await http_load.open_rate(url, make, connections=64, rate=rate, seconds=seconds)
    submitted = outcome.statuses[202]
    await _drained(connection, begin)
    row = await connection.fetchrow(_SPAN, begin)
    buckets = await connection.fetch(_HISTOGRAM, begin, [float(bound) for bound in BOUNDS_MS])
    await connection.close()
    after = cpu_seconds(found)
    run = Run(name, submitted, offered=rate, intake=outcome.summary(), rss_mb=resident_mb(found))
    run.closed = row["closed"]
    counted = {bucket["n"]: bucket["sagas"] for bucket in buckets}
    run.histogram = [counted.get(n, 0) for n in range(len(BOUNDS_MS) + 1)]
    run.closed_per_second = round(row["closed"] / (row["last"] - row["first"]).total_seconds(), 1)
    run.p50_ms, run.p90_ms, run.p99_ms = (round(v * 1000, 1) for v in row["p"])
    run.cpu_ms_per_saga = {k: round((after[k] - before[k]) * 1000 / max(1, run.closed), 3) for k in after}
    return run


async def _as_many_as_go(
    stack: Stack, url: str, make: http_load.MakeRequest, begin: object, seconds: float
) -> http_load.Outcome:
    """Everybody submits again at once, but while `OPEN` sagas are open nobody does.

    Otherwise intake, which is the cheaper half, takes the machine first and the sagas are carried out afterwards:
    what was measured then is neither a load that could last nor all of the machine at work.
    """
    brake = http_load.Brake()

    async def watch() -> None:
        connection = await asyncpg.connect(stack.database())
        try:
            while True:
                await asyncio.sleep(0.25)
                accepted = await connection.fetchval(_ACCEPTED, begin)
                closed = await connection.fetchval(f"SELECT count(*) {_CLOSED}", begin)
                brake.set(shut=accepted - closed > OPEN)
        finally:
            brake.set(shut=False)
            await connection.close()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        outcome = await http_load.closed(url, make, connections=48, seconds=seconds, brake=brake)
        watching.cancel()
    return outcome


async def _drained(connection: asyncpg.Connection, begin: object, limit: float = 240) -> None:
    """Until no saga opened since `begin` is open; raises if that does not happen or nothing moves for 30 s."""
    last, moved, end = -1, time.monotonic(), time.monotonic() + limit
    while True:
        accepted = await connection.fetchval("SELECT count(*) FROM intake.dsr WHERE accepted_at >= $1", begin)
        closed = await connection.fetchval(f"SELECT count(*) {_CLOSED}", begin)
        if closed == accepted:
            return
        if closed != last:
            last, moved = closed, time.monotonic()
        if time.monotonic() > end or time.monotonic() - moved > 30:
            raise TimeoutError(f"{accepted - closed} of {accepted} sagas did not close")
        await asyncio.sleep(0.5)


def padded(make: http_load.MakeRequest, size: int = 1024) -> http_load.MakeRequest:
    """The same requests with a body of about `size` bytes: the note is sealed with the identifiers."""

    def made(number: int) -> bytes:
        head, body = make(number).split(b"\r\n\r\n", 1)
        body = body[:-1] + b', "note": "' + b"x" * max(0, size - len(body) - 12) + b'"}'
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body

    return made


def of_people(token: str, first: int, run: str) -> http_load.MakeRequest:
    """Erasure of the shop's persons, from number `first` on, each once."""
    import json

    def made(number: int) -> bytes:
        person = person_number(first + number, 7)
        body = json.dumps(
            {
                "controller_id": "acme",
                "right": "erasure",
                "identifiers": {"email": [person.email], "customer_id": [person.customer_no]},
                "channel": "web_form",
                "identity": {"method": "controller_session"},
            }
        ).encode()
        head = (
            f"POST /v1/dsrs HTTP/1.1\r\nHost: lethe\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: {run}-{number}\r\n\r\n"
        )
        return head.encode() + body

    return made
