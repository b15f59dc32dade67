"""What goes wrong with one person or one database stays there, and is told by a code without anybody's data."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from lethe_events.words import FailureKind, Outcome
from lethe_example_shop import create_roles
from lethe_processors import connector_for
from lethe_processors.credentials import Credentials
from lethe_testkit.described import KEY, connect, fetch, run_sql, snapshot
from lethe_testkit.faults.network import Proxy
from lethe_testkit.shop import asks, shop_entry

if TYPE_CHECKING:
    from lethe_processors.connector import Answer, Connector
    from lethe_processors.register import Processor


def codes(answers: list[Answer]) -> list[str | None]:
    return [a.failure.code if a.failure else None for a in answers]


NOTES = """
CREATE TABLE shop.notes (id int, customer_id bigint REFERENCES shop.customers {action});
INSERT INTO shop.notes VALUES (1, 4), (2, 20);
"""


@pytest.mark.parametrize("action", ["", "ON DELETE CASCADE", "ON DELETE SET NULL"])
async def test_rows_that_nobody_described_stop_their_person_and_nobody_else(
    shop: Connector, dsn: str, action: str
) -> None:
    """Neither blocked in the middle, nor silently deleted or cut loose."""
    await run_sql(dsn, NOTES.format(action=action))
    answers = await shop.erase([asks(n) for n in (3, 4, 5, 20, 21)])
    assert codes(answers) == [None, "undescribed_reference", None, "undescribed_reference", None]
    assert answers[1].failure is not None
    assert answers[1].failure.kind is FailureKind.PERMANENT
    assert await fetch(dsn, "SELECT id, customer_id FROM shop.notes") == [(1, 4), (2, 20)]
    assert await fetch(dsn, "SELECT id FROM shop.customers WHERE id IN (3, 4, 5, 20, 21) ORDER BY id") == [(4,), (20,)]
    assert await fetch(dsn, "SELECT count(*) > 0 FROM shop.orders WHERE customer_id = 4") == [(True,)]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        # the database itself refuses: told apart by halves
        ("", [None, "referenced_by_other_rows", None]),
        # nobody can see whose rows would vanish, so nobody's account goes
        ("ON DELETE CASCADE", ["undescribed_reference"] * 3),
    ],
)
async def test_an_undescribed_table_that_may_not_be_read_is_not_hurt_either(
    processor: Processor, dsn: str, unique: str, action: str, told: list[str | None]
) -> None:
    roles = (f"reader_{unique}", "r"), (f"eraser_{unique}", "e")
    await create_roles(dsn, reader=roles[0], eraser=roles[1])
    try:
        await run_sql(dsn, NOTES.format(action=action))
        connector = connect(processor, dsn.replace(dsn.split("//")[1].split("@", maxsplit=1)[0], ":".join(roles[1])))
        assert codes(await connector.erase([asks(n) for n in (3, 4, 5)])) == told
        await connector.close()
        assert await fetch(dsn, "SELECT id, customer_id FROM shop.notes") == [(1, 4), (2, 20)]
    finally:
        await run_sql(dsn, *(f"DROP OWNED BY {r}; DROP ROLE {r}" for r, _ in roles))


async def test_a_person_on_whom_the_database_chokes_spoils_nobody_elses_erasure(shop: Connector, dsn: str) -> None:
    await run_sql(
        dsn,
        """
        CREATE FUNCTION shop.choke() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.customer_id IN (7, 31) THEN RAISE EXCEPTION 'holder % is protected', OLD.holder_name; END IF;
            RETURN OLD;
        END $$;
        CREATE TRIGGER choke BEFORE DELETE ON shop.payment_cards FOR EACH ROW EXECUTE FUNCTION shop.choke();
        """,
    )
    before = await snapshot(dsn, "shop")
    answers = await shop.erase([asks(n) for n in range(1, 41)])
    failed = {n for n, code in zip(range(1, 41), codes(answers), strict=True) if code is not None}
    assert failed == {7, 31}
    assert {c for c in codes(answers) if c} == {
        "sqlstate_p0001"
    }  # and not a word of the message, which names the holder
    left = {
        r[0] for r in await fetch(dsn, "SELECT id FROM shop.customers WHERE id <= 40 AND email NOT LIKE '%.invalid'")
    }
    assert left == {7, 31}
    after = await snapshot(dsn, "shop")
    for number in (7, 31):
        assert all(row in after["orders"] for row in before["orders"] if f'"customer_id": {number},' in row)


async def test_batches_at_the_same_time_leave_no_home_without_people(processor: Processor, dsn: str) -> None:
    """Each of two transactions could take the other's link for a reason to keep the address."""
    connectors = [connect(processor, dsn) for _ in range(2)]
    for first in range(1, 41, 2):
        await asyncio.gather(*(c.erase([asks(first + i)]) for i, c in enumerate(connectors)))
    for connector in connectors:
        await connector.close()
    lonely = """
    SELECT count(*) FROM shop.addresses a WHERE NOT EXISTS (SELECT FROM shop.customer_addresses WHERE address_id = a.id)
    AND NOT EXISTS (SELECT FROM shop.orders WHERE shipping_address_id = a.id)
    """
    assert await fetch(dsn, lonely) == [(0,)]


async def test_somebody_who_orders_while_being_erased_leaves_nothing_behind(shop: Connector, dsn: str) -> None:
    """The account's row is locked before its orders are looked for: a new order waits, and then finds no account."""
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO shop.orders VALUES (1, 'O-1', 5, NULL, NULL, 'paid', 1, now())")
    erasing = asyncio.ensure_future(shop.erase([asks(5)]))  # noqa: TID251 - awaited below
    await asyncio.sleep(0.2)
    assert not erasing.done()
    await transaction.commit()
    await connection.close()
    [answer] = await erasing
    assert answer.outcome is Outcome.DONE
    assert await fetch(dsn, "SELECT count(*) FROM shop.orders WHERE customer_id = 5") == [(0,)]


async def test_a_row_that_somebody_holds_too_long_is_asked_for_again(
    shop: Connector, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lethe_processors.sql.side._SESSION", {"lock_timeout": "200ms", "timezone": "UTC"})
    connector = connect(shop_entry(), dsn)
    blocker = await asyncpg.connect(dsn)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("SELECT FROM shop.customers WHERE id = 5 FOR UPDATE")
    answers = await connector.erase([asks(4), asks(5)])
    assert codes(answers) == ["lock_timeout"] * 2
    assert all(a.failure is not None and a.failure.kind is FailureKind.TRANSIENT for a in answers)
    await transaction.rollback()
    await blocker.close()
    assert codes(await connector.erase([asks(4), asks(5)])) == [None, None]
    await connector.close()


async def test_a_missing_credential_is_named_and_a_short_key_is_none(
    processor: Processor, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    for environ, name in (
        ({"SHOP_READ_DSN": dsn, "SHOP_KEY": KEY}, "SHOP_WRITE_DSN"),
        ({"SHOP_READ_DSN": dsn, "SHOP_WRITE_DSN": dsn, "SHOP_KEY": "short"}, "SHOP_KEY"),
    ):
        caplog.clear()
        connector = connector_for(processor, Credentials(environ))
        with caplog.at_level(logging.WARNING):
            [answer] = await connector.erase([asks(1)])
        await connector.close()
        assert answer.failure is not None
        assert (answer.failure.kind, answer.failure.code) == (FailureKind.PERMANENT, "credential_missing")
        assert name in caplog.text
        assert dsn not in caplog.text


async def test_a_refused_password_is_no_reason_to_try_again(processor: Processor, dsn: str) -> None:
    connector = connect(processor, dsn.replace(dsn.split("//")[1].split("@", maxsplit=1)[0], "nobody_at_all:x"))
    [answer] = await connector.erase([asks(1)])
    await connector.close()
    assert answer.failure is not None
    assert answer.failure.kind is FailureKind.PERMANENT
    assert answer.failure.code == "credential_refused"


async def test_a_failing_sink_is_not_taken_for_a_failing_database(shop: Connector) -> None:
    class Full:
        async def write(self, *_: object) -> None:
            raise OSError("the disk is full")

        async def masked(self, *_: object) -> None: ...

    with pytest.raises(OSError, match="disk is full"):
        await shop.export([asks(1)], Full())
    [answer] = await shop.verify([asks(1)])  # and the connection is usable afterwards
    assert answer.outcome is Outcome.RESIDUAL


async def test_a_database_whose_connections_the_network_forgot_is_reached_again_long_before_a_call_times_out(
    processor: Processor, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lethe_postgres.asking.LOOK_EVERY", 0.05)
    monkeypatch.setattr("lethe_postgres.asking.SUSPICIOUS", 0.3)
    monkeypatch.setattr("lethe_postgres.asking._STILL", "100 ms")
    parts = urlsplit(dsn)
    with Proxy("postgres") as proxy:
        proxy.target = parts.port or 5432
        through = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}"))
        shop = connect(processor, urlunsplit(through))
        assert codes(await shop.erase([asks(3)])) == [None]
        assert proxy.forget() > 0
        async with asyncio.timeout(10):
            [answer] = await shop.erase([asks(4)])
            assert answer.failure is not None
            assert answer.failure.kind is FailureKind.TRANSIENT
            assert codes(await shop.erase([asks(4)])) == [None]
        await shop.close()
