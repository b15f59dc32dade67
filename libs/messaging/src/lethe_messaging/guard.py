"""Keeping a client of Kafka from ending the task that uses it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiokafka.errors import ConsumerStoppedError, KafkaError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

log = logging.getLogger(__name__)


class LeakedCancellation(Exception):
    """The client let a cancellation of one of its own tasks out to the task that called it."""


CLIENT_ERRORS = (KafkaError, ConsumerStoppedError, LeakedCancellation, OSError, TimeoutError)
"""What a call of a client may raise because of the brokers, the network or the client's own state."""


@contextmanager
def guarded() -> Iterator[None]:
    """Around each call of a client: a cancellation that nobody asked for becomes LeakedCancellation.

    aiokafka awaits tasks that it has cancelled itself, and so raises CancelledError in its caller. A task that ends
    this way looks as if it had been stopped on purpose: nobody is told, and nothing is read any more.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LeakedCancellation("the client cancelled its caller") from None


async def essential(work: Coroutine[Any, Any, None]) -> None:
    """Run a part that others rely on: a TaskGroup passes over a task that was cancelled, but not over an error."""
    with guarded():
        await work


async def dispose(stopping: Coroutine[Any, Any, None], seconds: float) -> None:
    """Stop a client, and give up waiting after `seconds`: it is being thrown away, whatever it does."""
    # not in a TaskGroup, which would wait for a client that swallows its cancellation
    task = asyncio.get_running_loop().create_task(stopping, name="lethe-dispose")
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        log.warning("a client did not stop in time")
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a client did not stop cleanly", extra={"error": type(error).__name__})
