"""What a service gives the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_messaging.messages import Message
    from lethe_messaging.work import Work

Handler: TypeAlias = "Callable[[Work, Sequence[Message]], Awaitable[None]]"
"""Handles a batch of one partition in offset order, inside one transaction that the loop commits.

It must have no effect twice (at-least-once), make no HTTP call, and let errors out: a transient one brings the same
batch again, any other brings smaller batches, until the message at fault is parked.
"""
