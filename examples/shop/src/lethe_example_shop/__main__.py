"""`python -m lethe_example_shop load --dsn postgresql://… --people 1000 --seed 1`."""

from __future__ import annotations

import argparse
import asyncio
import time

from lethe_example_shop.load import create_roles, load
from lethe_example_shop.person import DEMO_PERSON


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lethe_example_shop", description="An example processor: a shop.")
    commands = parser.add_subparsers(dest="command", required=True)
    loading = commands.add_parser("load", help="create the tables and fill them with generated people")
    loading.add_argument("--people", type=int, default=1_000)
    loading.add_argument("--seed", type=int, default=1)
    roles = commands.add_parser("roles", help="create a reading and an erasing role for Lethe")
    roles.add_argument("--reader", default="shop_reader")
    roles.add_argument("--eraser", default="shop_eraser")
    roles.add_argument("--password", required=True, help="password of both roles")
    for command in (loading, roles):
        command.add_argument("--dsn", required=True, help="owner of the shop's database")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    if arguments.command == "roles":
        secret = arguments.password
        await create_roles(arguments.dsn, reader=(arguments.reader, secret), eraser=(arguments.eraser, secret))
        print(f"roles {arguments.reader} (reads) and {arguments.eraser} (erases) are ready")
        return
    started = time.monotonic()
    counts = await load(arguments.dsn, people=arguments.people, seed=arguments.seed)
    total = sum(counts.values())
    print(f"{counts['customers']} people, {total} rows in {time.monotonic() - started:.1f} s")
    print(f"demonstration: {DEMO_PERSON.email}, {DEMO_PERSON.customer_no}, {DEMO_PERSON.phone}")


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
