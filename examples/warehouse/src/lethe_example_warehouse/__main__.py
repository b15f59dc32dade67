"""`python -m lethe_example_warehouse --port 8092 --people 1000 --seed 7`.

From the environment: LETHE_KAFKA, LETHE_PARTS_URL, LETHE_TOKEN; WAREHOUSE_TOKEN_KEY (base64 of at least 32 bytes, or
file:PATH of such a text); WAREHOUSE_DB, the file of its data.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import logging
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from lethe_example_warehouse.app import create_app
from lethe_example_warehouse.participation import announce, take_part
from lethe_example_warehouse.people import parcels
from lethe_example_warehouse.store import Store
from lethe_participant import KafkaDown, Participant, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY_BYTES = 32


class _Server(uvicorn.Server):
    """Leaves signals to us: participation must end in order too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def token_key(text: str) -> bytes:
    """The key from WAREHOUSE_TOKEN_KEY. Raises ValueError, which says what it should be and not what it is."""
    if text.startswith("file:"):
        text = Path(text.removeprefix("file:")).read_text(encoding="utf-8")
    try:
        padded = text.strip() + "=" * (-len(text.strip()) % 4)
        key = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < _KEY_BYTES:
        raise ValueError("WAREHOUSE_TOKEN_KEY must be base64 of at least 32 bytes, or file:PATH of such a text")
    return key


async def run(arguments: argparse.Namespace) -> None:
    participant = Participant(
        Settings.from_env(),
        processor_id="warehouse",
        controller_id="acme",
        token_key=token_key(os.environ.get("WAREHOUSE_TOKEN_KEY", "")),
    )
    path = Path(os.environ.get("WAREHOUSE_DB") or "warehouse.sqlite")
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(path)
    if store.is_empty:
        store.take_in(list(parcels(participant, arguments.people, arguments.seed)))
    take_part(participant, store)
    server = _Server(
        uvicorn.Config(
            create_app(store, participant),
            host=arguments.host,
            port=arguments.port,
            log_level="warning",
            access_log=False,  # its lines would hold people's addresses
            timeout_graceful_shutdown=2,
        )
    )
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(participant.run())
        group.create_task(_announce(participant, store, stopped))
        serving = group.create_task(server.serve())
        serving.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
        server.should_exit = True
        participant.stop()
    store.close()


async def _announce(participant: Participant, store: Store, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        try:
            told = await announce(participant, store)
        except KafkaDown:
            told = 0
        if not told:
            try:
                async with asyncio.timeout(1):
                    await stopped.wait()
            except TimeoutError:
                pass


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lethe_example_warehouse", description="An example Kafka-native processor: a warehouse."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8092)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(run(parser.parse_args()))
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
