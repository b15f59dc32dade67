"""Which part of the worker carries out which verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export_worker.application.exporting import look
from export_worker.domain.errors import ExportError
from lethe_events.words import PACKAGE_PROCESSOR, Verb
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from export_worker.application.exporting import Exporting
    from export_worker.application.packing import Packing
    from lethe_events.models import TaskRequested
    from lethe_processors.worker import Bench


class CarryingOut:
    """Given to the runners: one answer per task, same order."""

    def __init__(self, bench: Bench, exporting: Exporting, packing: Packing) -> None:
        self._bench = bench
        self._exporting = exporting
        self._packing = packing

    async def __call__(self, processor_id: str, verb: Verb, tasks: Sequence[TaskRequested], /) -> list[Answer]:
        if (verb is Verb.PACKAGE) != (processor_id == PACKAGE_PROCESSOR):
            return [Answer.permanent("verb_of_another_worker")] * len(tasks)
        if verb is Verb.PACKAGE:
            return [await self._package(task) for task in tasks]
        act = look if verb is Verb.VERIFY else self._exporting
        return await self._bench.carry_out(processor_id, tasks, act)

    async def _package(self, task: TaskRequested) -> Answer:
        try:
            return await self._packing.pack(task)
        except ExportError as error:
            return Answer.permanent(error.code)
