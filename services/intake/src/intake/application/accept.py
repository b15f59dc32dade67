"""Accepting requests: check, seal, store, tell the orchestrator; once, however often one is sent."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from intake.application.group_commit import GroupCommit
from intake.application.ports import AssertionRefused
from intake.application.repeats import Repeats
from intake.domain.errors import Fault, InvalidSubmission, KeyReused
from intake.domain.fingerprint import Fingerprints
from intake.domain.model import Accepted, Candidate, Deadline
from intake.domain.submission import check
from lethe_events import DsrReceived, Envelope, encode
from lethe_events.ids import uuid7
from lethe_events.topics import REQUESTS
from lethe_law import first_month
from lethe_vault import Identifiers, Sealing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from intake.application.letters import Acknowledging
    from intake.application.overload import Gate
    from intake.application.ports import Asserted, Assertions, Desk, Meters, Sealer, Store
    from intake.application.repeats import People
    from intake.domain.described import Described
    from intake.domain.model import Controller, Submission
    from intake.domain.submission import Draft
    from intake.domain.transmission import Target
    from lethe_events import Record

SOURCE = "/lethe/intake"


class Acceptance:
    """The use case behind `POST /v1/dsrs`. `secret` keys the hashes of idempotency keys and of bodies."""

    def __init__(
        self,
        *,
        desk: Desk,
        store: Store,
        people: People,
        sealer: Sealer,
        gate: Gate,
        meters: Meters,
        controllers: Mapping[str, Controller],
        assertions: Assertions,
        secret: bytes,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        is_transient: Callable[[BaseException], bool],
        spacing_s: float = 0.005,
        topic: str = REQUESTS.name,
        described: Callable[[str], Described | None] = lambda _: None,
        targets: Mapping[str, Target] = MappingProxyType({}),
        letters: Acknowledging | None = None,
    ) -> None:
        self._described = described
        self._targets = targets
        self._letters = letters
        self._desk = desk
        self._store = store
        self._sealer = sealer
        self._gate = gate
        self._meters = meters
        self._controllers = controllers
        self._assertions = assertions
        self._fingerprints = Fingerprints(secret)
        self._repeats = Repeats(people, store, self._fingerprints, controllers, meters)
        self._now = now
        self._topic = topic
        self._entropy = entropy
        self.group: GroupCommit[Candidate, Accepted | None] = GroupCommit(
            self.commit, is_transient=is_transient, spacing_s=spacing_s
        )

    def check(self, draft: Draft) -> None:
        """Raises InvalidSubmission if it could not be accepted now. Changes nothing."""
        asserted = None if draft.identity_assertion is None else self._read(draft, draft.identity_assertion).identifiers
        self._check(draft, asserted, self._now())

    async def accept(
        self, draft: Draft, idempotency_key: str, traceparent: str | None, *, parent_id: uuid.UUID | None = None
    ) -> Accepted:
        """Returns after the DSR, its sealed identifiers and its outbox row are committed.

        Raises InvalidSubmission, KeyReused or Overloaded, having changed nothing; or what the store raised, in which
        case the caller sends the same again with the same key.
        """
        self._gate.admit(self.group.waiting)
        asserted = None if draft.identity_assertion is None else self._read(draft, draft.identity_assertion)
        candidate = self._candidate(draft, idempotency_key, traceparent, asserted, parent_id)
        if asserted is not None and asserted.stale:
            accepted: Accepted | None = await self._accepted_before(candidate)
        else:
            accepted = await self.group.submit(candidate)
        if accepted is None:
            self._meters.refused("key_reused")
            raise KeyReused
        if accepted.replayed:
            self._meters.replayed()
        else:
            self._meters.accepted(draft.right, draft.channel)
        return accepted

    async def commit(self, batch: Sequence[Candidate]) -> Sequence[Accepted | None]:
        """Store a group in one transaction; None for one whose key belongs to another request."""
        began = time.perf_counter()
        first: dict[tuple[str, bytes], Candidate] = {}
        for candidate in batch:
            first.setdefault((candidate.submission.controller_id, candidate.key), candidate)
        async with self._desk.work() as work:
            # in key order, so that two instances with the same keys wait for, not on, each other
            wanted = [first[key] for key in sorted(first)]
            found = await self._repeats.look(work.tx, wanted)
            if found.answers:
                wanted = [c for c in wanted if (c.submission.controller_id, c.key) not in found.answers]
            inserted = await self._store.insert(work.tx, wanted) if wanted else set()
            new = [c for c in wanted if c.dsr_id in inserted]
            known = [c for c in wanted if c.dsr_id not in inserted]
            stored = dict(await self._store.by_keys(work.tx, known)) if known else {}
            if new:
                await self._sealer.seal(work.tx, [_sealing(c) for c in new])
                recorded = [c for c in new if c.submission.doubt is not None or c.submission.mandate is not None]
                if recorded:
                    await self._store.record_identities(work.tx, recorded)
                sent_on = [c for c in new if c.submission.particulars.transmit_to is not None]
                if sent_on:
                    await self._store.expect_transmissions(work.tx, sent_on)
                if self._letters is not None:
                    await self._letters.accepted(work.tx, new)
                work.send([_received(self._topic, c) for c in new])
            repeats = await self._repeats.keep(work.tx, found, new) if found.known else {}
        for candidate in new:
            key = (candidate.submission.controller_id, candidate.key)
            repeat = repeats.get(candidate.dsr_id)
            stored[key] = Accepted(
                candidate.dsr_id, candidate.fingerprint, candidate.deadline, repeats=repeat.of if repeat else None
            )
        stored |= found.answers
        self._meters.group(len(batch), time.perf_counter() - began)
        return [_result(c, stored, inserted) for c in batch]

    def _read(self, draft: Draft, assertion: str) -> Asserted:
        try:
            return self._assertions.read(draft.controller_id, assertion, self._now())
        except AssertionRefused as refused:
            raise InvalidSubmission([Fault("identity.assertion", refused.problem, refused.fix)]) from None

    async def _accepted_before(self, candidate: Candidate) -> Accepted:
        """The same request sent again gets its answer, also when its assertion is too old for a new one."""
        async with self._desk.work() as work:
            stored = await self._store.by_keys(work.tx, [candidate])
        found = stored.get((candidate.submission.controller_id, candidate.key))
        if found is None or found.fingerprint != candidate.fingerprint:
            raise InvalidSubmission([Fault("identity.assertion", "is too old", "sign a new one")])
        return replace(found, replayed=True)

    def _check(self, draft: Draft, asserted: Mapping[str, Sequence[str]] | None, now: datetime) -> Submission:
        return check(
            draft,
            controllers=self._controllers,
            now=now,
            asserted=asserted,
            described=self._described,
            targets=self._targets,
        )

    def _candidate(
        self,
        draft: Draft,
        idempotency_key: str,
        traceparent: str | None,
        asserted: Asserted | None,
        parent_id: uuid.UUID | None,
    ) -> Candidate:
        now = self._now()
        submission = self._check(draft, None if asserted is None else asserted.identifiers, now)
        return Candidate(
            dsr_id=uuid7(now, self._entropy(10)),
            subject_ref=uuid.UUID(bytes=self._entropy(16), version=4),
            key=self._fingerprints.of_key(submission.controller_id, idempotency_key),
            fingerprint=self._fingerprints.of_request(submission),
            submission=submission,
            accepted_at=now,
            deadline=_deadline(submission),
            traceparent=traceparent,
            parent_id=parent_id,
        )


def _result(candidate: Candidate, stored: Mapping[tuple[str, bytes], Accepted], new: set[uuid.UUID]) -> Accepted | None:
    found = stored[candidate.submission.controller_id, candidate.key]
    if found.fingerprint != candidate.fingerprint:
        return None
    return found if candidate.dsr_id in new or found.attached else replace(found, replayed=True)


def _deadline(submission: Submission) -> Deadline:
    """Requests received in one quarter of an hour have one deadline.

    A period of months depends on the day of receipt alone (Reg. 1182/71 Art. 3), and every zone in use begins its
    days on a quarter of an hour.
    """
    received = submission.received_at
    quarter = received.replace(minute=received.minute // 15 * 15, second=0, microsecond=0)
    return _deadline_of(quarter, submission.country, submission.regime)


@lru_cache(maxsize=4096)
def _deadline_of(received_at: datetime, country: str, regime: str) -> Deadline:
    clock = first_month(received_at, country=country, regime=regime)
    return Deadline(clock.due_strict, clock.due_legal, clock.due_date_legal, clock.rule)


def _sealing(candidate: Candidate) -> Sealing:
    submission = candidate.submission
    return Sealing(
        dsr_id=candidate.dsr_id,
        subject_ref=candidate.subject_ref,
        controller_id=submission.controller_id,
        identifiers=Identifiers(submission.identifiers),
        note=submission.note,
        corrections=submission.corrections or None,
    )


def _received(topic: str, candidate: Candidate) -> Record:
    submission = candidate.submission
    asked = submission.particulars
    body = DsrReceived(
        dsr_id=candidate.dsr_id,
        subject_ref=candidate.subject_ref,
        controller_id=submission.controller_id,
        right=submission.right,
        export_first=submission.export_first,
        received_at=submission.received_at,
        accepted_at=candidate.accepted_at,
        channel=submission.channel,
        country=submission.country,
        regime=submission.regime,
        identity=submission.identity,
        identifier_kinds=tuple(sorted(submission.identifiers)),
        parent_id=candidate.parent_id,
        purposes=asked.purposes,
        direct_marketing=asked.direct_marketing,
        categories=asked.categories,
        ground=asked.ground,
        contested=asked.contested,
        decision=asked.decision,
        transmit_to=asked.transmit_to,
    )
    envelope = Envelope(
        id=candidate.dsr_id,  # one message per DSR leaves intake
        source=SOURCE,
        time=candidate.accepted_at,
        correlation_id=candidate.dsr_id,
        causation_id=None,
        traceparent=candidate.traceparent,
    )
    return encode(topic, str(candidate.dsr_id), body, envelope)
