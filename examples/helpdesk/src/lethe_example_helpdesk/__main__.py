"""`python -m lethe_example_helpdesk --port 8091 --people 1000`; HELPDESK_TOKEN is the token that it asks for."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn

from lethe_example_helpdesk.app import create_app
from lethe_example_helpdesk.behaviour import Behaviour, Misbehaving
from lethe_example_helpdesk.store import Store


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lethe_example_helpdesk", description="An example processor: a customer service vendor."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lie", action="store_true", help="deletions say completed and delete nothing")
    parser.add_argument("--hang", action="store_true", help="answer nothing")
    parser.add_argument("--nonsense", action="store_true", help="answer in no known shape")
    parser.add_argument("--down-rate", type=float, default=0.0, help="part of the calls answered 500")
    parser.add_argument("--deletion-seconds", type=float, default=0.2, help="how long a deletion takes")
    parser.add_argument("--per-second", type=float, default=200.0, help="calls let through a second")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    token = os.environ.get("HELPDESK_TOKEN", "")
    if not token:
        sys.exit("HELPDESK_TOKEN is not set: it is the token that the helpdesk asks its callers for")
    behaviour = Behaviour(
        lie=arguments.lie,
        hang=arguments.hang,
        nonsense=arguments.nonsense,
        down_rate=arguments.down_rate,
        deletion_seconds=arguments.deletion_seconds,
        per_second=arguments.per_second,
    )
    app = create_app(
        Store(arguments.people, arguments.seed),
        Misbehaving(behaviour, arguments.seed),
        token=token,
        read_token=os.environ.get("HELPDESK_READ_TOKEN", ""),
    )
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,  # its lines would hold people's addresses
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
