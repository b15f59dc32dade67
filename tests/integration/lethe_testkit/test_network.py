from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from lethe_testkit.faults.network import Proxy, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

HOST = "127.0.0.1"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def engine() -> AsyncIterator[int]:
    server = await asyncio.start_server(echo, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def proxy(engine: int) -> Iterator[Proxy]:
    with Proxy("kafka") as made:
        made.target = engine
        yield made


async def asked(proxy: Proxy, *words: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    for word in words:
        writer.write(word)
        assert await asyncio.wait_for(reader.readexactly(len(word)), 5) == word
    return reader, writer


async def until_reset(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while data := await asyncio.wait_for(reader.read(65_536), 5):
            received += data
    except ConnectionResetError:
        return received
    raise AssertionError("the connection ended in peace")


def kafka_frame(key: int, body: bytes) -> bytes:
    return struct.pack(">ih", len(body) + 2, key) + body


async def test_a_reset_ends_the_open_connections_and_new_ones_pass(proxy: Proxy) -> None:
    reader, writer = await asked(proxy, b"hello")
    assert await asyncio.to_thread(proxy.reset) == 1
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()
    _, again = await asked(proxy, b"hello")
    again.close()


async def test_silence_keeps_the_connection_open_and_healing_resets_it(proxy: Proxy) -> None:
    reader, writer = await asked(proxy, b"hello")
    proxy.silence()
    writer.write(b"anybody")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    await asyncio.to_thread(proxy.heal)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()


async def test_only_the_named_program_is_silenced(proxy: Proxy) -> None:
    reader, writer = await asked(proxy, b"hello")
    _, other = await asked(proxy, b"hello")
    proxy.ports_of = lambda program: {writer.get_extra_info("sockname")[1]} if program == "intake" else set()
    proxy.silence("intake")
    proxy.silence("orchestrator")
    writer.write(b"anybody")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    other.write(b"anybody")
    _, third = await asked(proxy, b"hello")
    for each in (writer, other, third):
        each.close()


async def test_the_answer_to_a_produce_request_is_lost_and_to_others_it_is_not(proxy: Proxy) -> None:
    reader, writer = await asked(proxy, kafka_frame(3, b"metadata"), kafka_frame(0, b"before"))
    proxy.cut(1)
    frame = kafka_frame(0, b"x" * 1000)
    writer.write(kafka_frame(1, b"fetch") + frame[:5])
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(frame[5:])
    received = await until_reset(reader)
    assert kafka_frame(1, b"fetch") in received
    assert len(received) < len(frame)
    assert proxy.counts["cut after"] == 1
    writer.close()


@pytest.mark.parametrize(("before", "stored"), [(False, 1), (True, 0)])
async def test_a_commit_whose_answer_is_lost_is_stored_and_one_whose_question_is_lost_is_not(
    postgres_dsn: str, *, before: bool, stored: int
) -> None:
    direct = await asyncpg.connect(postgres_dsn)
    await direct.execute("CREATE TABLE t (n int)")
    with Proxy("postgres") as proxy:
        proxy.target = urlsplit(postgres_dsn).port or 0
        through = await asyncpg.connect(postgres_dsn, port=proxy.port, host=HOST)
        transaction = through.transaction()
        await transaction.start()
        await through.execute("INSERT INTO t VALUES (1)")
        proxy.cut(1, before=before)
        with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
            await transaction.commit()
        through.terminate()
        assert await asyncio.to_thread(until, lambda: proxy.cuts_left == 0, 5)
    assert await direct.fetchval("SELECT count(*) FROM t") == stored
    await direct.close()
