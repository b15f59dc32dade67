"""The example shop as a processor of tests: its entry in the register, and sixty of its invented people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lethe_example_shop import load, person_number
from lethe_processors.register import load_register
from lethe_testkit.described import person

if TYPE_CHECKING:
    from lethe_processors.connector import WorkItem
    from lethe_processors.register import Processor

REGISTER = Path(__file__).parents[4] / "examples" / "register"
PEOPLE, SEED = 60, 7


def shop_entry() -> Processor:
    return load_register(REGISTER).processors["shop"]


async def fill_shop(dsn: str) -> None:
    """For `postgres_copy("shop", …)`: every test has a copy of one database that is filled once a run."""
    await load(dsn, people=PEOPLE, seed=SEED)


def asks(number: int, **only: str) -> WorkItem:
    """The n-th person of the shop, with every identifier that the shop knows, or with these only."""
    who = person_number(number, SEED)
    known = {"email": who.email, "customer_id": who.customer_no, "phone_number": who.phone}
    return person(number, **(only or known))
