"""`python -m lethe_example_newsletter --port 8092`; NEWSLETTER_SECRET and NEWSLETTER_HOOK_SECRET are what it shares."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn

from lethe_example_newsletter.app import create_app
from lethe_example_newsletter.vendor import Terms, Vendor


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lethe_example_newsletter", description="An example processor: a newsletter vendor."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8092)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deletion-seconds", type=float, default=2.0, help="how long a deletion takes")
    arguments = parser.parse_args()
    shared = {name: os.environ.get(name, "") for name in ("NEWSLETTER_SECRET", "NEWSLETTER_HOOK_SECRET")}
    if missing := [name for name, value in shared.items() if not value]:
        sys.exit(f"{' and '.join(missing)} not set: they are what the vendor shares with its callers")
    terms = Terms(deletion_seconds=arguments.deletion_seconds)
    vendor = Vendor(arguments.people, arguments.seed, terms, hook_secret=shared["NEWSLETTER_HOOK_SECRET"])
    app = create_app(vendor, client_secret=shared["NEWSLETTER_SECRET"])
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
