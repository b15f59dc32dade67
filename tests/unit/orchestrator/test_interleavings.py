"""Whatever comes in whatever order, however often: a saga never closes early, never loses a question, ends the same."""

from datetime import timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lethe_events.words import Outcome, Right, SagaState, Verb
from lethe_testkit.sagas import NEXT_VERSION, VERSION, Given, acknowledgement, rules
from orchestrator.domain import events as e
from orchestrator.domain.decision import AskProcessor, Disposition
from orchestrator.domain.ending_acts import in_flight
from orchestrator.domain.holding import stopped as held
from orchestrator.domain.replay import replay
from orchestrator.domain.resume import resume
from orchestrator.domain.retry import RetryPolicy
from orchestrator.domain.rules import Unverifiable
from orchestrator.domain.saga import GOOD
from orchestrator.domain.words import TaskStatus

SOON = RetryPolicy(max_attempts=3)
NOBODY_LOOKS = Unverifiable("cannot_be_reread", "GDPR Art. 5(2)", "no_api")
POOL = {
    "shop": rules("shop", retries=SOON),
    "crm": rules("crm", after=("shop",), retries=SOON),
    "vendor": rules("vendor", deletion_lag=timedelta(days=2), retries=SOON),
    "post": rules("post", unverifiable=NOBODY_LOOKS, retries=SOON),
}
LATER = {"new": rules("new", register_version=NEXT_VERSION, after=("crm",), retries=SOON)}
REGISTERS = {VERSION: POOL, NEXT_VERSION: LATER}
OUTCOMES = ["done", "nothing_found", "retained", "accepted", "residual", "transient", "permanent", "needs_person"]
SEEN = frozenset({Outcome.NOTHING_FOUND, Outcome.RETAINED})


def settled_by_what_was_said(right: Right, export_first: bool, scope: set[str], said: list, excepted: set) -> bool:
    """The closing equation once more, from answers and exceptions alone, without statuses, rounds or graphs.

    `said`: (verb, processor, round, outcome) of what counted, in order; `excepted`: (verb, processor).
    """

    def good(verb: Verb, processor: str) -> bool:
        last = [s for s in said if s[0] is verb and s[1] == processor and s[3] in GOOD]
        return bool(last)

    def gone(processor: str) -> bool:
        if (Verb.ERASE, processor) in excepted:
            return True
        promised = any(s[:2] == (Verb.ERASE, processor) and s[3] is Outcome.ACCEPTED for s in said)
        if not (good(Verb.ERASE, processor) or promised):
            return False
        looks = [s[3] for s in said if s[:2] == (Verb.VERIFY, processor) and s[3] in SEEN | {Outcome.RESIDUAL}]
        return processor == "post" or (Verb.VERIFY, processor) in excepted or bool(looks and looks[-1] in SEEN)

    def copied(processor: str) -> bool:
        return good(Verb.EXPORT, processor) or (Verb.EXPORT, processor) in excepted

    needs_copy = right is Right.ACCESS or export_first
    packed = not needs_copy or good(Verb.PACKAGE, "lethe-package")
    copies = not needs_copy or all(copied(p) for p in scope)
    return packed and copies and (right is Right.ACCESS or all(gone(p) for p in scope))


def ended(saga):
    return saga.beside is not None and saga.beside.ended is not None


class AnySaga(RuleBasedStateMachine):
    """Acks of any kind, for any task, duplicates and late ones, time, people, newcomers: in any order."""

    @initialize(
        right=st.sampled_from([Right.ERASURE, Right.ERASURE, Right.ACCESS]),
        export_first=st.booleans(),
        scope=st.sets(st.sampled_from(sorted(POOL)), min_size=1),
    )
    def begin(self, right, export_first, scope):
        self.world = Given()
        self.scope = set(scope)
        self.said, self.excepted, self.sent, self.delivered = [], set(), {}, []
        self.asked_until_the_end, self.under_hold = None, {}
        self.world.received(right, export_first=export_first).whatever()
        self.note(lambda w: w.planned(*(POOL[p] for p in sorted(scope))))

    def note(self, act, ack=None):
        before = self.world.saga
        act(self.world)
        self.world.whatever()
        decision = self.world.decision
        if ack is not None and decision.disposition is not Disposition.APPLIED:
            assert self.world.saga is before
        for command in decision.commands:
            if isinstance(command, AskProcessor):
                self.sent[command.task.id, command.task.attempt] = command
        if ack is not None and decision.disposition is Disposition.APPLIED:
            task = before.tasks[ack.task_id]
            self.said.append((task.verb, task.processor_id, task.round, ack.outcome))

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), well=st.booleans(), hours=st.integers(-5, 60))
    def ack(self, data, outcome, well, hours):
        asked = [t for t in self.world.saga.tasks.values() if t.attempt]
        assume(asked)
        task = data.draw(st.sampled_from(sorted(asked, key=lambda t: t.name)))
        if well:
            outcome = "nothing_found" if task.verb is Verb.VERIFY else "done"
        attempt = data.draw(st.integers(1, task.attempt))
        more = {"expected_by": self.world.now + timedelta(hours=hours)} if outcome == "accepted" else {}
        self.deliver(acknowledgement(task, outcome, self.world.now, attempt=attempt, **more))

    def deliver(self, body):
        self.delivered.append(body)
        event = e.TaskAcked(self.world.now, body.task_id, body)
        self.note(lambda w: w.happens(event), ack=body)

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def redeliver(self, data):
        body = data.draw(st.sampled_from(self.delivered))
        before = self.world.saga
        self.world.happens(e.TaskAcked(self.world.now, body.task_id, body)).whatever()
        assert self.world.saga is before, "a redelivery changed something"

    @rule(hours=st.sampled_from([0.01, 0.3, 1, 24, 24 * 10]))
    def time(self, hours):
        before = len(self.world.links)
        self.world.pass_time(hours=hours).whatever()
        assert len(self.world.links) >= before
        self.resend()

    def resend(self):
        """Timers decide several times at once: what they asked is read from the saga."""
        for command in resume(self.world.saga):
            self.sent[command.task.id, command.task.attempt] = command

    @rule(data=st.data(), by=st.sampled_from(["kim", "robin"]), approve=st.booleans())
    def person(self, data, by, approve):
        assume(self.world.saga.tasks)
        task = data.draw(st.sampled_from(sorted(self.world.saga.tasks.values(), key=lambda t: t.name)))
        if approve:
            proposed_by = None if task.proposal is None else task.proposal.by
            self.note(lambda w: w.approved(task.name, by))
            if self.world.decision.disposition is Disposition.APPLIED:
                assert proposed_by not in {None, by}
                self.excepted.add((task.verb, task.processor_id))
        else:
            self.note(lambda w: w.proposed(task.name, by))

    @rule(data=st.data())
    def retry(self, data):
        assume(self.world.saga.tasks)
        task = data.draw(st.sampled_from(sorted(self.world.saga.tasks.values(), key=lambda t: t.name)))
        self.note(lambda w: w.retried(task.name))

    @rule(data=st.data(), by=st.sampled_from(["kim", "robin"]), what=st.sampled_from(["hold", "lift", "approve"]))
    def hold(self, data, by, what):
        n, scope = data.draw(st.integers(1, 2)), data.draw(st.sampled_from([(), ("shop",), ("crm", "vendor")]))
        acts = {
            "hold": lambda w: w.holding(*scope, by=by, n=n),
            "lift": lambda w: w.lifting(by=by, n=n),
            "approve": lambda w: w.hold_approved(by=by, n=n),
        }
        self.note(acts[what])

    @invariant()
    def no_erasure_is_asked_under_a_hold(self):
        saga = self.world.saga
        asked = {t.id: t.attempt for t in saga.tasks.values() if held(saga.beside, t)}
        for task_id, attempts in asked.items():
            assert attempts == self.under_hold.get(task_id, attempts)
        self.under_hold = asked

    @precondition(lambda self: len(self.world.links) > 6)
    @rule()
    def withdrawn(self):
        """From then on nothing new is asked, whatever else happens."""
        self.note(lambda w: w.withdrawn())
        if ended(self.world.saga) and self.asked_until_the_end is None:
            self.asked_until_the_end = set(self.sent)

    @invariant()
    def nothing_is_asked_after_the_end(self):
        if self.asked_until_the_end is not None:
            assert set(self.sent) == self.asked_until_the_end

    @rule()
    def newcomer(self):
        self.note(lambda w: w.joined(LATER["new"]))
        if self.world.decision.disposition is Disposition.APPLIED:
            self.scope.add("new")

    @invariant()
    def never_closes_early_and_closes_when_it_may(self):
        saga = self.world.saga
        if saga.state is SagaState.CLOSED:
            arguments = (saga.right, saga.export_first, self.scope, self.said, self.excepted)
            assert settled_by_what_was_said(*arguments) or ended(saga)
            assert not any(in_flight(t) for t in saga.tasks.values()) or not ended(saga)
            assert saga.open_incidents == 0
            assert saga.answered_at is not None
        else:
            assert saga.closed_at is None

    @invariant()
    def nothing_is_erased_unless_the_package_is_there(self):
        saga = self.world.saga
        if saga.export_first and saga.right is Right.ERASURE:
            erased = [t for t in saga.tasks.values() if t.verb is Verb.ERASE and t.attempt]
            packed = [t for t in saga.tasks.values() if t.verb is Verb.PACKAGE and t.good]
            assert not erased or packed

    @invariant()
    def what_is_outstanding_can_be_told_from_the_saga_alone(self):
        outstanding = {(c.task.id, c.task.attempt): c.parts for c in resume(self.world.saga)}
        asked = {
            key: command.parts
            for key, command in self.sent.items()
            if self.world.saga.tasks[key[0]].status is TaskStatus.ISSUED
            and self.world.saga.tasks[key[0]].attempt == key[1]
            and self.world.saga.state is not SagaState.CLOSED
            and not held(self.world.saga.beside, self.world.saga.tasks[key[0]])
        }
        assert outstanding == asked

    @invariant()
    def an_open_saga_waits_for_somebody(self):
        """Nobody is forgotten: an answer is outstanding, a moment is set, or a person has an incident."""
        saga = self.world.saga
        if saga.state is not SagaState.CLOSED:
            waiting = any(
                t.status in {TaskStatus.ISSUED, TaskStatus.INCIDENT, TaskStatus.ON_HOLD} or t.due_at is not None
                for t in saga.tasks.values()
            )
            assert waiting

    def teardown(self):
        if not hasattr(self, "world"):
            return
        assert replay(self.world.history(), REGISTERS) == self.world.saga
        self.world.whatever()
        self.everybody_does_well()

    def everybody_does_well(self):
        """From anywhere, if processors answer well and people retry, the saga closes."""
        for n in (1, 2):
            self.note(lambda w, n=n: w.hold_approved(by="sam", n=n))
            self.note(lambda w, n=n: w.lifting(by="pat", n=n))
            self.note(lambda w, n=n: w.hold_approved(by="sam", n=n))
        for _ in range(200):
            saga = self.world.saga
            if saga.state is SagaState.CLOSED:
                break
            for task in list(saga.tasks.values()):
                if task.status is TaskStatus.INCIDENT and not ended(saga):
                    self.note(lambda w, t=task: w.retried(t.name))
                elif in_flight(task):
                    good = "nothing_found" if task.verb is Verb.VERIFY else "done"
                    self.deliver(acknowledgement(task, good, self.world.now))
            self.world.pass_time(hours=7).whatever()
        assert self.world.saga.state is SagaState.CLOSED
        self.never_closes_early_and_closes_when_it_may()


AnySaga.TestCase.settings = settings(
    max_examples=80, stateful_step_count=35, deadline=None, suppress_health_check=list(HealthCheck)
)
test_any_interleaving = AnySaga.TestCase


@given(data=st.data(), export_first=st.booleans(), right=st.sampled_from([Right.ERASURE, Right.ACCESS]))
@settings(max_examples=80, deadline=None)
def test_the_same_answers_in_any_order_with_duplicates_end_in_the_same_state(data, export_first, right):
    """One answer per task, delivered in any order and number; an answer that comes before its question was asked is
    redelivered later, as its sender would."""
    said = {p: data.draw(st.sampled_from(["done", "nothing_found", "retained"])) for p in sorted(POOL)}

    def run(shuffled: bool) -> dict[str, tuple[object, ...]]:
        world = Given().received(right, export_first=export_first).whatever().planned(*POOL.values()).whatever()
        while world.saga.state is not SagaState.CLOSED:
            tasks = sorted(world.saga.tasks.values(), key=lambda t: t.name)
            open_ = [t for t in tasks if t.status is TaskStatus.ISSUED]
            everything = open_ + [t for t in tasks if t.attempt and t not in open_]
            order = data.draw(st.permutations(everything)) if shuffled else open_
            for task in order:
                outcome = {Verb.EXPORT: "done", Verb.PACKAGE: "done", Verb.VERIFY: "nothing_found"}.get(
                    task.verb, said.get(task.processor_id)
                )
                for _ in range(data.draw(st.integers(1, 2)) if shuffled else 1):
                    world.acked(task.name, outcome, attempt=1).whatever()
        return {t.name: (t.status, t.answer.outcome, t.attempt) for t in world.saga.tasks.values()}

    assert run(shuffled=True) == run(shuffled=False)
