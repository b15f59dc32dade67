"""Calling the service's own functions, so that none of them can stop the others."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, TypeVar

from lethe_participant.errors import Misuse
from lethe_participant.results import Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb
    from lethe_participant.settings import Settings

    Single = Callable[[TaskRequested], Awaitable[Result] | Result]
    Many = Callable[[Sequence[TaskRequested]], Awaitable[Sequence[Result]] | Sequence[Result]]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_R = TypeVar("_R")


class Handlers:
    """One function per verb, for one task or for many."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._single: dict[Verb, Single] = {}
        self._many: dict[Verb, Many] = {}

    def add(self, verb: Verb, *, single: Single | None = None, many: Many | None = None) -> None:
        """Raises Misuse if the verb has a handler already."""
        if verb in self._single or verb in self._many:
            raise Misuse(f"{verb.value} has two handlers: keep one")
        if single is not None:
            self._single[verb] = single
        if many is not None:
            self._many[verb] = many

    async def answer(self, verb: Verb, tasks: Sequence[TaskRequested]) -> list[Result]:
        """One result per task, same order, whatever the function does."""
        if verb in self._many:
            return await self._call_many(self._many[verb], tasks)
        if verb in self._single:
            return await self._call_singly(self._single[verb], tasks)
        return [Result.failed("verb_not_handled")] * len(tasks)

    async def _call_many(self, function: Many, tasks: Sequence[TaskRequested]) -> list[Result]:
        try:
            async with asyncio.timeout(self._settings.handler_timeout):
                try:
                    return _checked(await _call(function, tasks), len(tasks))
                except Exception as error:  # noqa: BLE001 - whose task it is shows one by one
                    _log.error("handler_failed", extra={"error": type(error).__qualname__})  # its text may name people
                    if len(tasks) == 1:
                        return [Result.retry("handler_error")]
                return [await self._alone(function, task) for task in tasks]
        except TimeoutError:
            return [Result.retry("handler_timeout")] * len(tasks)

    async def _alone(self, function: Many, task: TaskRequested) -> Result:
        try:
            return _checked(await _call(function, [task]), 1)[0]
        except Exception as error:  # noqa: BLE001 - one person's task spoils nobody else's
            _log.error("handler_failed", extra={"error": type(error).__qualname__})
            return Result.retry("handler_error")

    async def _call_singly(self, function: Single, tasks: Sequence[TaskRequested]) -> list[Result]:
        results = [Result.retry("handler_timeout")] * len(tasks)
        left = iter(range(len(tasks)))

        async def work() -> None:
            for index in left:
                try:
                    results[index] = _checked([await _call(function, tasks[index])], 1)[0]
                except Exception as error:  # noqa: BLE001 - one person's task spoils nobody else's
                    _log.error("handler_failed", extra={"error": type(error).__qualname__})
                    results[index] = Result.retry("handler_error")

        try:
            async with asyncio.timeout(self._settings.handler_timeout), asyncio.TaskGroup() as group:
                for _ in range(min(self._settings.concurrency, len(tasks))):
                    group.create_task(work())
        except TimeoutError:
            _log.error("handler_timeout", extra={"tasks": len(tasks)})
        return results


async def _call(function: Callable[[_T], Awaitable[_R] | _R], argument: _T) -> _R:
    if inspect.iscoroutinefunction(function):
        awaited: _R = await function(argument)
        return awaited
    returned = await asyncio.to_thread(function, argument)
    return await returned if inspect.isawaitable(returned) else returned


def _checked(results: Sequence[Result], wanted: int) -> list[Result]:
    if len(results) != wanted or not all(isinstance(r, Result) for r in results):
        raise TypeError("a handler returns one Result per task")
    return list(results)
