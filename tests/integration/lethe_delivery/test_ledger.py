import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from lethe_delivery import (
    Bounce,
    Courier,
    Due,
    Mail,
    OnDoubt,
    Order,
    Outcome,
    Outgoing,
    Policy,
    State,
    Unreachable,
    decide,
    enqueue,
    migrate_delivery,
    progress,
    proofs,
    take_bounces,
)
from lethe_delivery.ledger import Attempt, Ledger
from lethe_delivery.messages import Verdict
from lethe_postgres import CommitUnknown, Database
from lethe_testkit.smtp_sink import MailerInMemory

MATTER = UUID(int=7)
QUICK = Policy(
    window=3,
    batch=20,
    first_pause=timedelta(),
    max_attempts=3,
    settle_after=timedelta(),
    look_around=timedelta(),
)


class People(dict[UUID, str]):
    """A composer: recipient_ref → local part of the address; no entry: nowhere to send it."""

    async def compose(self, due: Sequence[Due]) -> Mapping[UUID, Mail | Unreachable]:
        return {
            one.id: Mail(to=f"{self[one.recipient_ref]}@mail.example", sender="a@acme.example", subject="S", text="T")
            if one.recipient_ref in self
            else Unreachable("no address is known")
            for one in due
        }


def order(number: int, on_doubt: OnDoubt = OnDoubt.RESEND, purpose: str = "dsr/7/erased") -> Order:
    return Order(
        channel="email",
        purpose=purpose,
        recipient_ref=uuid5(MATTER, str(number)),
        matter=MATTER,
        letter="erased",
        on_doubt=on_doubt,
    )


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    made = await Database.connect(postgres_dsn, schema="letters", application_name="test", min_size=1, max_size=4)
    await migrate_delivery(made)
    yield made
    await made.close()


async def put(database: Database, *orders: Order) -> None:
    async with database.transaction() as tx:
        await enqueue(tx, orders)


def courier(database: Database, people: People, mailer: MailerInMemory | None = None, policy: Policy = QUICK,
            instance: int = 1) -> Courier:  # fmt: skip
    return Courier(
        database, UUID(int=instance), channel="email", mailer=mailer or MailerInMemory(), composer=people, policy=policy
    )


def named(*names: str) -> People:
    return People({order(number).recipient_ref: name for number, name in enumerate(names)})


async def states(database: Database) -> dict[State, int]:
    return dict((await progress(database, MATTER)).letters)


async def test_each_letter_ends_as_the_other_side_answered(database: Database) -> None:
    people = named("nadia", "refused", "busy", "refused-data", "hangs-up")
    await put(database, *(order(n) for n in range(6)))  # the sixth has no address
    carrier = courier(database, people)
    while await carrier.step():
        pass
    await carrier.close()
    assert await states(database) == {State.SENT: 1, State.FAILED: 5}
    found = await proofs(database, [order(n).id for n in range(6)])
    nadia, refused, busy, _, _, nowhere = (found[order(n).id] for n in range(6))
    assert nadia.reply == "250 2.0.0 queued as 1"
    assert nadia.content_sha256 is not None
    assert nadia.message_id is not None
    assert (refused.attempts, busy.attempts, nowhere.attempts) == (1, 3, 0)
    assert nowhere.reply == "no address is known"


async def test_the_ledger_holds_no_address(database: Database, postgres_dsn: str) -> None:
    await put(database, *(order(n) for n in range(2)))
    carrier = courier(database, named("nadia.petrova", "refused"))
    await carrier.step()
    await carrier.close()
    for table in ("delivery", "delivery_attempt", "delivery_instance"):
        for row in await database.fetch(f"SELECT t::text AS line FROM {table} t"):
            assert "nadia" not in row["line"]
            assert "mail.example" not in row["line"]


async def test_a_letter_is_ordered_once_for_a_purpose_and_a_recipient(database: Database) -> None:
    async with database.transaction() as tx:
        assert await enqueue(tx, [order(1), order(1), order(2)]) == 2
        assert await enqueue(tx, [order(1, OnDoubt.HOLD)]) == 0
        assert await enqueue(tx, [order(1, purpose="dsr/7/ack")]) == 1


async def test_an_order_that_is_rolled_back_is_not_sent(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await enqueue(tx, [order(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await states(database) == {}


async def test_a_retry_waits_for_its_time(database: Database) -> None:
    await put(database, order(0))
    carrier = courier(database, named("busy"), policy=Policy(first_pause=timedelta(minutes=1)))
    assert await carrier.step()
    assert not await carrier.step()
    wait = await Ledger(database, "email", UUID(int=1)).next_due()
    assert wait is not None
    assert 30 < wait <= 73
    await carrier.close()


async def test_the_rate_holds_over_all_instances(database: Database) -> None:
    await put(database, *(order(n) for n in range(30)))
    first, second = (Ledger(database, "email", UUID(int=n)) for n in (1, 2))
    claimed = len(await first.claim(20, 5)) + len(await second.claim(20, 5))
    assert claimed == 5
    await database.execute("UPDATE delivery_rate SET refilled_at = refilled_at - interval '0.6 seconds'")
    assert 3 <= len(await second.claim(20, 5)) <= 5


async def test_in_doubt_a_letter_is_repeated_and_counted_or_held_for_a_person(database: Database) -> None:
    mailer = MailerInMemory()
    await put(database, order(0), order(1, OnDoubt.HOLD))
    carrier = courier(database, named("mute", "mute"), mailer)
    await carrier.step()
    assert await states(database) == {State.UNCERTAIN: 2}
    await carrier.step()  # looks around, and sends the one again that may be repeated
    assert (await progress(database, MATTER)).repeats == 1
    assert sorted(mailer.accepted.values()) == [1, 2]
    async with database.transaction() as tx:
        ids = [order(n).id for n in range(2)]
        assert await decide(tx, [ids[1]], send_again=False, reason="told by telephone") == [ids[1]]
        assert await decide(tx, [ids[1]], send_again=True, reason="") == []
    assert (await proofs(database, ids))[ids[1]].reply == "given up: told by telephone"
    await carrier.close()


async def test_a_log_of_the_other_side_settles_every_doubt_without_a_repeat(database: Database) -> None:
    mailer = MailerInMemory()

    class Log:
        broken = True

        async def accepted(self, references: Sequence[str]) -> Mapping[str, str]:
            if self.broken:
                raise OSError
            return {reference: "found" for reference in references if reference in mailer.accepted}

    log, people = Log(), named("mute", "nadia")
    carrier = Courier(
        database, UUID(int=1), channel="email", mailer=mailer, composer=people, policy=QUICK, sent_log=log
    )
    await put(database, order(0), order(1, OnDoubt.HOLD))
    ledger = Ledger(database, "email", UUID(int=9))  # an instance that dies with one letter on its hands
    await database.execute("INSERT INTO delivery_instance (instance_id, lock_key) VALUES ($1, 9)", UUID(int=9))
    due = [one for one in await ledger.claim(9, None) if one.id == order(1).id]
    await ledger.hand_over((), [(due[0].id, "00", mailer.reference(due[0].id))], QUICK)
    await carrier.step()
    assert await carrier.step() is False
    assert await states(database) == {State.UNCERTAIN: 2}  # the log could not be read: nothing is assumed
    log.broken = False
    while await carrier.step():
        pass
    assert await progress(database, MATTER) == type(await progress(database, MATTER))({State.SENT: 2}, 0)
    assert set(mailer.accepted.values()) == {1}
    await carrier.close()


async def test_a_frozen_sender_loses_its_letters_and_sends_none_when_it_wakes(database: Database) -> None:
    await put(database, *(order(n) for n in range(4)))
    frozen, awake = (Ledger(database, "email", UUID(int=n)) for n in (1, 2))
    await database.execute("INSERT INTO delivery_instance (instance_id, lock_key) VALUES ($1, 1)", UUID(int=1))
    due = await frozen.claim(4, None)
    rows = [(one.id, "00", str(one.id)) for one in due]
    numbers = await frozen.hand_over((), rows[:1], QUICK)
    session = await database.session("frozen")
    await session.execute("SELECT pg_advisory_lock(1)")  # its session lives
    assert await awake.rescue(timedelta(hours=1)) == {}
    assert await awake.rescue(timedelta()) == {State.UNCERTAIN: 1, State.QUEUED: 3}
    assert await frozen.hand_over((), rows[1:], QUICK) == {}
    late = Attempt(due[0].id, numbers[due[0].id], Outcome(Verdict.SENT, "250 late"))
    async with database.transaction() as tx:
        assert await decide(tx, [due[0].id], send_again=True, reason="") == [due[0].id]
    await frozen.hand_over([late], (), QUICK)  # but a reply that comes late is the truth, if nobody has tried since
    assert (await states(database))[State.SENT] == 1
    await session.close()


async def test_an_old_reply_does_not_settle_a_newer_attempt(database: Database) -> None:
    await put(database, order(0))
    ledger = Ledger(database, "email", UUID(int=1))
    for number in (1, 2):
        await ledger.claim(1, None)
        assert await ledger.hand_over((), [(order(0).id, "00", "x")], QUICK) == {order(0).id: number}
        if number == 1:
            busy = Attempt(order(0).id, 1, Outcome(Verdict.TRANSIENT, "451"))
            await ledger.hand_over([busy], (), QUICK)
    await ledger.hand_over([Attempt(order(0).id, 1, Outcome(Verdict.PERMANENT, "550"))], (), QUICK)
    assert await states(database) == {State.SENDING: 1}


async def test_a_commit_whose_answer_was_lost_sends_no_letter_twice(database: Database) -> None:
    mailer = MailerInMemory()
    await put(database, *(order(n) for n in range(8)))
    carrier = courier(database, named(*"abcdefgh"), mailer)
    real, calls = carrier._ledger.hand_over, 0

    async def lossy(*args: object) -> dict[UUID, int]:
        nonlocal calls
        calls += 1
        done = await real(*args)  # type: ignore[arg-type]
        if calls % 2 == 0:
            raise CommitUnknown("lost")
        return done

    carrier._ledger.hand_over = lossy  # type: ignore[method-assign]
    for _ in range(40):
        try:
            await carrier.step()
        except CommitUnknown:
            await database.execute("UPDATE delivery SET not_before = '-infinity'")
        await database.execute("UPDATE delivery SET not_before = '-infinity' WHERE state = 'queued'")
        if await states(database) == {State.SENT: 8}:
            break
    assert await states(database) == {State.SENT: 8}
    assert set(mailer.accepted.values()) == {1}
    await carrier.close()


async def test_a_mailer_that_breaks_leaves_its_window_in_doubt_and_nothing_else(database: Database) -> None:
    class Broken(MailerInMemory):
        async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]:
            raise RuntimeError("bug")

    await put(database, *(order(n) for n in range(5)))
    carrier = courier(database, named(*"abcde"), Broken())
    with pytest.raises(RuntimeError):
        await carrier.step()
    await carrier.close()
    assert await states(database) == {State.UNCERTAIN: 3, State.QUEUED: 2}


async def test_a_bounce_is_written_down_once_and_only_for_what_was_sent(database: Database) -> None:
    await put(database, *(order(n) for n in range(2)))
    carrier = courier(database, named("nadia", "refused"))
    await carrier.step()
    reports = [Bounce(order(n).id, permanent=True, status="5.1.1 gone") for n in (0, 1, 5)]
    for expected in ((order(0).id,), ()):
        async with database.transaction() as tx:
            taken = await take_bounces(tx, reports)
        assert taken.failed == expected
        assert taken.known == {order(0).id, order(1).id}
    assert await states(database) == {State.BOUNCED: 1, State.FAILED: 1}
    await carrier.close()


async def test_a_letter_that_could_not_be_delivered_for_now_goes_out_again_and_then_has_failed(
    database: Database,
) -> None:
    await put(database, order(0))
    mailer = MailerInMemory()
    carrier = courier(database, named("nadia"), mailer)
    policy = Policy(soft_bounces=2, after_bounce=timedelta())
    for number in range(3):
        await carrier.step()
        full = Bounce(order(0).id, permanent=False, status="4.2.2 mailbox full", report=f"report {number}")
        for again in (False, True):  # the same report comes twice
            async with database.transaction() as tx:
                taken = await take_bounces(tx, [full, full], policy)
            assert taken.known == {order(0).id}
            became = (taken.again, taken.failed)
            assert became == ((), ()) if again else became == (((order(0).id,), ()), ((), (order(0).id,)))[number == 2]
    assert await states(database) == {State.BOUNCED: 1}
    assert set(mailer.accepted.values()) == {3}
    await carrier.close()


async def test_a_report_that_overtakes_the_proof_of_sending_is_left_for_later(database: Database) -> None:
    await put(database, order(0))
    ledger = Ledger(database, "email", UUID(int=99))
    await ledger.claim(10, None)
    await ledger.hand_over((), [(order(0).id, "0" * 64, "<x@y>")], QUICK)
    async with database.transaction() as tx:
        taken = await take_bounces(tx, [Bounce(order(0).id, permanent=True, status="5.1.1", report="r")])
    assert not taken.known
    assert await database.fetchval("SELECT count(*) FROM delivery_bounce") == 0


async def test_a_sender_that_is_told_to_stop_leaves_nothing_in_its_hands(database: Database) -> None:
    await put(database, *(order(n) for n in range(40)))
    stop, mailer = asyncio.Event(), MailerInMemory()

    class Stopping(MailerInMemory):
        async def send(self, messages: Sequence[Outgoing]) -> Mapping[UUID, Outcome]:
            stop.set()
            return await mailer.send(messages)

    people = People({order(n).recipient_ref: f"p{n}" for n in range(40)})
    await courier(database, people, Stopping()).run(stop)
    assert await states(database) == {State.SENT: 20, State.QUEUED: 20}
    assert await database.fetchval("SELECT count(*) FROM delivery_instance") == 0
