"""What each test has of its own: the example shop's database, filled, with a connector; a queue of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_postgres import Database
from lethe_processors.runner import JobQueue
from lethe_testkit.described import connect
from lethe_testkit.runner import SmallWorker, new_id
from lethe_testkit.shop import fill_shop, shop_entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from lethe_processors.connector import Connector
    from lethe_processors.register import Processor


@pytest.fixture(scope="module")
def processor() -> Processor:
    return shop_entry()


@pytest.fixture
async def dsn(postgres_copy: Callable[[str, Callable[[str], Awaitable[None]]], Awaitable[str]]) -> str:
    return await postgres_copy("shop", fill_shop)


@pytest.fixture
async def shop(processor: Processor, dsn: str) -> AsyncIterator[Connector]:
    made = connect(processor, dsn)
    yield made
    await made.close()


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """A worker's, with the queue of the runners in it."""
    database = await Database.connect(postgres_dsn, schema="worker", application_name="test")
    await JobQueue(database, instance_id=new_id()).migrate()
    yield database
    await database.close()


@pytest.fixture
def service(database: Database) -> SmallWorker:
    return SmallWorker(database)
