"""Given, when, expect for sagas: every command, incident and status has to be expected, or the next act fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import lethe_events as wire
from lethe_events.canonical import GENESIS
from lethe_events.ids import message_id, task_id
from lethe_events.words import Channel, FailureKind, Grade, Outcome, Right, Verb
from orchestrator.domain import audit
from orchestrator.domain import events as e
from orchestrator.domain import hold_events as held
from orchestrator.domain.beside import Hold
from orchestrator.domain.clock import deadlines, extended, identified
from orchestrator.domain.decide import decide
from orchestrator.domain.decision import AskProcessor, Decision, Disposition, ShredVault, TellStatus
from orchestrator.domain.decision_events import DecisionApproved, DecisionProposed
from orchestrator.domain.escalation_event import Escalated
from orchestrator.domain.lift_events import LiftOrdered
from orchestrator.domain.rules import ProcessorRules
from orchestrator.domain.timers import due_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.domain.escalation import Ladder
    from orchestrator.domain.saga import Saga, Task

NOW = datetime(2026, 3, 5, 10, 15, tzinfo=UTC)
DSR = UUID("018f3c5e-7a10-7c3e-9a51-1e7e0000000a")
SUBJECT = UUID("5f0e8b1c-0d5e-4b8e-8f5d-2b8f0a1c2d3e")
VERSION = "a" * 64
NEXT_VERSION = "b" * 64
RETENTION = timedelta(days=30)
PART = wire.ExportPart(document_id=SUBJECT, sha256="c" * 64, size=1024, records=12)
KEPT = wire.Retained(
    collection="invoices", category="user.financial", rows=2, ground="legal_obligation", article="GDPR Art. 17(3)(b)"
)


def rules(processor_id: str, **more: Any) -> ProcessorRules:
    return ProcessorRules(processor_id, more.pop("register_version", VERSION), **more)


def dsr(right: Right = Right.ERASURE, **more: Any) -> wire.DsrReceived:
    return wire.DsrReceived(
        dsr_id=more.pop("dsr_id", DSR),
        subject_ref=SUBJECT,
        controller_id=more.pop("controller_id", "acme"),
        right=right,
        received_at=more.pop("received_at", NOW),
        accepted_at=more.pop("accepted_at", NOW),
        channel=Channel.WEB_FORM,
        country=more.pop("country", "DE"),
        identity=more.pop("identity", "controller_session"),
        identifier_kinds=more.pop("identifier_kinds", ("email",)),
        **more,
    )


def acknowledgement(
    task: Task, outcome: str, at: datetime, *, dsr_id: UUID = DSR, **more: Any
) -> wire.TaskAcknowledged:
    """What a well-behaved processor would send; `more` overrides."""
    fields: dict[str, Any] = {
        "task_id": task.id,
        "dsr_id": dsr_id,
        "controller_id": "acme",
        "processor_id": task.processor_id,
        "verb": task.verb,
        "attempt": max(task.attempt, 1),
        "at": at,
        "grade": Grade.REREAD_ABSENT if task.verb is Verb.VERIFY else Grade.CONFIRMED_BY_API,
    }
    if outcome in {"transient", "permanent"}:
        fields |= {"outcome": Outcome.FAILED, "failure": wire.Failure(kind=FailureKind(outcome), code="sorry")}
    else:
        fields["outcome"] = Outcome(outcome)
    if outcome == "retained":
        fields["retained"] = (KEPT,)
    if outcome == "done" and task.verb in {Verb.EXPORT, Verb.PACKAGE}:
        fields["part"] = PART
    return wire.TaskAcknowledged(**(fields | more))


class Given:
    """One saga in the making. `now` moves by `pass_time` only."""

    def __init__(self) -> None:
        self.now = NOW
        self.ladder: Ladder | None = None
        self.saga: Saga | None = None
        self.decision: Decision | None = None
        self.links: list[audit.Link] = []
        self._pending: set[str] = set()
        self._messages = 0

    # -- when

    def received(self, right: Right = Right.ERASURE, **more: Any) -> Given:
        body = dsr(right, **more)
        return self.happens(e.DsrReceived(self.now, self._message(), body, deadlines(body)))

    def planned(self, *processors: ProcessorRules, **more: Any) -> Given:
        return self.happens(e.ScopePlanned(self.now, VERSION, processors, **more))

    def joined(self, processor: ProcessorRules, tokens: Sequence[str] = ()) -> Given:
        return self.happens(e.ProcessorJoined(self.now, processor.register_version, processor, tuple(tokens)))

    def acked(self, name: str, outcome: str, **more: Any) -> Given:
        body = acknowledgement(self.task(name), outcome, self.now, **more)
        return self.happens(e.TaskAcked(self.now, self._message(), body))

    def retried(self, name: str, by: str = "kim", **more: Any) -> Given:
        return self.happens(e.TaskRetryRequested(self.now, self.task(name).id, by, **more))

    def proposed(self, name: str, by: str = "kim") -> Given:
        task = self.task(name)
        ground, article = "legal_claims", "GDPR Art. 17(3)(e)"
        return self.happens(e.ExceptionProposed(self.now, task.id, ground, article, "litigation", by))

    def approved(self, name: str, by: str = "robin") -> Given:
        return self.happens(e.ExceptionApproved(self.now, self.task(name).id, by))

    def withdrawn(self, by: str | None = None, controller_id: str = "acme") -> Given:
        return self.happens(e.Withdrawn(self.now, controller_id, self.now, self._message(), by))

    def extended(self, further: int = 2, reasons: Sequence[str] = ("complexity",), **more: Any) -> Given:
        """Raises ClockError where the law library refuses; `clock` in `more` leaves it unasked."""
        assert self.saga is not None
        by, notified_at = more.pop("by", "kim"), more.pop("notified_at", self.now)
        dates = more.pop("clock", None) or extended(self.saga, further, reasons, notified_at, by=by, now=self.now)
        return self.happens(e.Extended(self.now, further, tuple(reasons), notified_at, by, dates))

    def refusing(self, by: str = "kim", ground: str = "excessive", authority: str | None = None) -> Given:
        article = "GDPR Art. 12(5)(b)"
        return self.happens(e.RefusalProposed(self.now, ground, article, "fourth_in_a_month", by, authority))

    def refused(self, by: str = "robin") -> Given:
        return self.happens(e.RefusalApproved(self.now, by))

    def verified(self, method: str = "code_email", controller_id: str = "acme", **more: Any) -> Given:
        assert self.saga is not None
        shown_at = more.pop("shown_at", self.now)
        clock = identified(self.saga, shown_at, self.now)
        return self.happens(e.IdentityVerified(self.now, self._message(), controller_id, method, shown_at, clock))

    def holding(self, *processors: str, by: str = "kim", n: int = 1, ground: str = "legal_claims") -> Given:
        article = "GDPR Art. 17(3)(e)"
        return self.happens(e.HoldProposed(self.now, UUID(int=n), ground, article, "matter_1", processors, by))

    def lifting(self, by: str = "kim", n: int = 1) -> Given:
        return self.happens(e.HoldLiftProposed(self.now, UUID(int=n), by))

    def hold_approved(self, by: str = "robin", n: int = 1) -> Given:
        return self.happens(e.HoldApproved(self.now, UUID(int=n), by))

    def held(self, *processors: str, n: int = 1) -> Given:
        """Placed by two people."""
        return self.holding(*processors, n=n).whatever().hold_approved(n=n).whatever()

    def imposed(self, *categories: str, processors: Sequence[str] = (), n: int = 1) -> Given:
        """A hold of the whole controller, as two people placed it before."""
        named = (UUID(int=n), "legal_claims", "GDPR Art. 17(3)(e)", "matter_1", tuple(processors), "kim", "robin")
        return self.happens(held.HoldImposed(self.now, Hold(*named, self.now, categories=categories, standing=True)))

    def released(self, n: int = 1) -> Given:
        return self.happens(held.HoldReleased(self.now, UUID(int=n), "kim", "robin"))

    def escalated(self, rung: str = "half_used") -> Given:
        return self.happens(Escalated(self.now, rung, "owner", "p1", self.now))

    def decided(self, outcome: str, ground: str | None = None, by: str = "kim", **more: Any) -> Given:
        reasons = more.pop("reasons", ("weighed",))
        article = None if ground is None else "GDPR Art. 21(1)"
        return self.happens(DecisionProposed(self.now, outcome, reasons, by, ground, article))

    def decision_approved(self, by: str = "robin") -> Given:
        return self.happens(DecisionApproved(self.now, by))

    def lifted(self, by: str = "kim", told_at: datetime | None = None) -> Given:
        return self.happens(LiftOrdered(self.now, told_at or self.now, "accuracy_verified", by))

    def pass_time(self, **delta: float) -> Given:
        """Let time pass and fire what is due, as the timers would."""
        self._all_expected()
        self.now += timedelta(**delta)
        assert self.saga is not None
        for event in due_events(self.saga, self.now, RETENTION, self.ladder):
            self._decide(event)
        return self

    def happens(self, event: e.Event) -> Given:
        self._all_expected()
        self._decide(event)
        return self

    # -- expect

    def expect(self, *outputs: str) -> Given:
        """Exactly these: `ask erase@shop#1/1`, `tell closed`, `open code: task`, `resolve code`, `shred`."""
        missing, extra = set(outputs) - self._pending, self._pending - set(outputs)
        assert not missing | extra, f"missing {sorted(missing)}, unexpected {sorted(extra)}"
        self._pending = set()
        return self

    def expect_state(self, state: str) -> Given:
        assert self.saga is not None
        assert self.saga.state == state, self.saga.state
        return self

    def expect_ignored(self) -> Given:
        return self._expect_nothing(Disposition.IGNORED)

    def expect_rejected(self, code: str) -> Given:
        assert self.decision is not None
        assert self.decision.code == code, self.decision
        return self._expect_nothing(Disposition.REJECTED)

    def whatever(self) -> Given:
        """Take the outputs so far as given."""
        self._pending = set()
        return self

    # -- look

    def task(self, name: str) -> Task:
        """By `verb@processor` (first round) or `verb@processor#round`."""
        assert self.saga is not None
        full = name if "#" in name else f"{name}#1"
        verb, rest = full.split("@")
        processor, round_ = rest.split("#")
        return self.saga.tasks[task_id(self.saga.id, processor, verb, int(round_))]

    def status(self, name: str) -> str:
        return self.task(name).status.value

    def history(self) -> Iterable[str]:
        return [link.content for link in self.links]

    # --

    def _decide(self, event: e.Event) -> None:
        before = self.saga
        self.decision = decision = decide(before, event)
        if decision.disposition is not Disposition.APPLIED:
            assert decision.saga is before
            assert not (decision.commands or decision.opened or decision.resolved or decision.changed)
            return
        self.saga = decision.saga
        head = self.links[-1].hash if self.links else GENESIS
        self.links.append(audit.link_of(event, decision, len(self.links) + 1, head))
        self._pending |= set(outputs_of(decision))

    def _expect_nothing(self, disposition: Disposition) -> Given:
        assert self.decision is not None
        assert self.decision.disposition is disposition, self.decision
        assert not self._pending
        return self

    def _all_expected(self) -> None:
        assert not self._pending, f"not expected so far: {sorted(self._pending)}"

    def _message(self) -> UUID:
        self._messages += 1
        return message_id(DSR, self._messages, 99)


def outputs_of(decision: Decision) -> list[str]:
    saga = decision.saga
    assert saga is not None
    found: list[str] = []
    for command in decision.commands:
        if isinstance(command, AskProcessor):
            found.append(f"ask {command.task.name}/{command.task.attempt}")
        elif isinstance(command, TellStatus):
            found.append(f"tell {saga.state.value}")
        elif isinstance(command, ShredVault):
            found.append("shred")
    for word, incidents in (("open", decision.opened), ("resolve", decision.resolved)):
        for incident in incidents:
            where = "" if incident.task_id is None else f": {saga.tasks[incident.task_id].name}"
            found.append(f"{word} {incident.code}{where}")
    return found


def write_history(given: Given) -> str:
    """The recorded history of a saga as it is kept under tests/sagas/histories."""
    return "".join(line + "\n" for line in given.history())


def read_history(text: str) -> list[str]:
    return [json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")) for line in text.splitlines()]
