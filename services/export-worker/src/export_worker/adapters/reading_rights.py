"""Keeps the credentials that change data out of this process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from export_worker.domain.errors import WrongCredential
from export_worker.domain.looking import refuse_writing_credential
from lethe_events.models import Failure
from lethe_events.words import FailureKind, Outcome
from lethe_processors.connector import Answer
from lethe_processors.errors import CredentialMissing
from lethe_processors.register import SqlSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lethe_processors.credentials import Credentials
    from lethe_processors.register import Processor

_log = logging.getLogger(__name__)


class ReadOnly:
    """A guard of the bench: no processor is read with a credential that could write, not even once."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, processor: Processor) -> Answer | None:
        fault = self.fault(processor)
        if fault is None:
            return None
        _log.error(fault.code, extra={"processor_id": processor.id, "reason": fault.detail})
        return Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=FailureKind.PERMANENT, code=fault.code))

    def fault(self, processor: Processor) -> WrongCredential | None:
        """What is wrong with how this processor would be read; None if nothing is."""
        settings = processor.connector
        if not isinstance(settings, SqlSettings) or settings.write is None:
            return None
        try:
            refuse_writing_credential(settings.read, settings.write, self._resolve)
        except WrongCredential as error:
            return error
        return None

    def faults(self, processors: Iterable[Processor]) -> dict[str, str]:
        """For start-up and health: processor → what to do."""
        found = {p.id: self.fault(p) for p in processors}
        return {processor_id: fault.detail for processor_id, fault in found.items() if fault is not None}

    def _resolve(self, reference: str) -> str | None:
        try:
            return self._credentials.resolve(reference)
        except CredentialMissing:
            return None
