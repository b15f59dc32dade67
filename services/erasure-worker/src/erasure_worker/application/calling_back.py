"""Takes the calls of vendors who say that their job has ended: believed by their signature, then looked up and told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from erasure_worker.domain.errors import CallDisbelieved, CallUnreadable, NobodyCalls
from lethe_events.models import Count
from lethe_events.words import Method
from lethe_processors.errors import CredentialMissing
from lethe_processors.http import HttpProfile
from lethe_processors.http.callback import NotTheirs, believe, read
from lethe_processors.http.errors import Nonsense
from lethe_processors.register.models import HttpSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from lethe_postgres import Tx
    from lethe_processors.credentials import Credentials
    from lethe_processors.register import Processor, Register
    from lethe_processors.runner import Settled
    from lethe_processors.worker import Callbacks

    Write = Callable[[Tx], Awaitable[Sequence[Settled]]]

_log = logging.getLogger(__name__)


class Meters(Protocol):
    def called(self, processor_id: str, result: str) -> None: ...


class CallingBack:
    """`settle` opens the transaction that acknowledges what a call ends."""

    def __init__(
        self,
        register: Callable[[], Register],
        credentials: Credentials,
        callbacks: Callbacks,
        settle: Callable[[Write], Awaitable[None]],
        *,
        meters: Meters,
        clock: Callable[[], datetime],
    ) -> None:
        self._register = register
        self._credentials = credentials
        self._callbacks = callbacks
        self._settle = settle
        self._meters = meters
        self._clock = clock

    async def take(self, processor_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """Safe to repeat. Raises NobodyCalls, CallDisbelieved, CallUnreadable or CredentialMissing."""
        profile = profile_of(self._register().processors.get(processor_id))
        if profile is None or profile.callback is None:
            raise NobodyCalls
        try:
            secrets = self._credentials.resolve(profile.callback.secret)
            believe(profile.callback, secrets, headers, body, self._clock())
            called = read(profile.callback, processor_id, body)
        except CredentialMissing as error:
            _log.error("credential_missing", extra={"processor_id": processor_id, "reason": str(error)})
            raise
        except NotTheirs as error:
            self._meters.called(processor_id, str(error))
            raise CallDisbelieved from None
        except Nonsense:
            self._meters.called(processor_id, "unreadable")
            raise CallUnreadable from None
        await self._settle(lambda tx: self._callbacks.called(tx, processor_id, called))
        self._meters.called(processor_id, called.state.value)


def profile_of(processor: Processor | None) -> HttpProfile | None:
    """None for a processor that is not reached over HTTP, or that the register does not have."""
    if processor is None or not isinstance(processor.connector, HttpSettings):
        return None
    return HttpProfile.model_validate(dict(processor.connector.profile))


def counts_of(register: Callable[[], Register]) -> Callable[[str, int], Sequence[Count]]:
    """What the register says is done to so many records of a processor."""

    def counts(processor_id: str, rows: int) -> Sequence[Count]:
        profile = profile_of(register().processors.get(processor_id))
        erase = None if profile is None else profile.erase
        return () if erase is None else (Count(collection=erase.collection, method=Method(erase.method), rows=rows),)

    return counts
