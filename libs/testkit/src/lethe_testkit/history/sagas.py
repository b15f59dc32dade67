"""Rules about sagas: what was accepted, asked, done and answered, and when a saga may close."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from lethe_testkit.history.model import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lethe_testkit.history.model import History, Id, SagaEnd, TaskEnd


_AFTER_CLOSE = frozenset({"certificate_issued", "retention_over"})
_ENDED_WELL = frozenset({"done", "nothing_found", "retained"})
_SEEN_ABSENT = frozenset({"nothing_found", "retained"})


def kept(history: History) -> Iterator[str]:
    """Closed, or with an incident that a person sees; waiting for a vendor's promise that is not yet due counts too."""
    sagas = {saga.id: saga for saga in history.sagas}
    with_incident = {i.saga_id for i in history.incidents if i.resolved_at is None}
    promised = {t.saga_id for t in history.timers if t.expected is not None and t.expected > history.ended_at}
    for dsr_id in dict.fromkeys(a.dsr_id for a in history.accepted):
        saga = sagas.get(dsr_id)
        if saga is None:
            yield f"dsr {dsr_id}: was accepted and has no saga"
        elif saga.state == "closed" or dsr_id in with_incident:
            continue
        elif saga.state != "answered" or dsr_id not in promised:
            yield f"saga {dsr_id}: is {saga.state}, with nobody called"


def one_saga(history: History) -> Iterator[str]:
    """However often a client asks under one key."""
    found: defaultdict[str, set[Id]] = defaultdict(set)
    for accepted in history.accepted:
        found[accepted.submission].add(accepted.dsr_id)
    for saga in history.sagas:
        if saga.submission is not None:
            found[saga.submission].add(saga.id)
    for submission, ids in found.items():
        if len(ids) > 1:
            yield f"submission {submission}: became {len(ids)} sagas"


def one_effect(history: History) -> Iterator[str]:
    """Never two; and one where an erasure is recorded as done, and verified, whose effects were counted.

    A processor that says done and lies has no effect; that is for the look to find, and not to be counted here.
    """
    counts = Counter((e.saga_id, e.processor_id, e.task_id) for e in history.effects)
    for (saga_id, processor_id, task_id), times in counts.items():
        if times > 1:
            yield f"saga {saga_id}: {processor_id} did task {task_id} {times} times"
    seen = {(t.saga_id, t.processor_id, t.round) for t in history.tasks if t.verb == "verify" and _looked(t)}
    for task in history.tasks:
        place = (task.saga_id, task.processor_id)
        done = (task.verb, task.status, task.outcome) == ("erase", "done", "done")
        observed = (*place, task.round) in seen and task.processor_id in history.observes_effects
        if done and observed and not counts[(*place, task.task_id)]:
            yield f"saga {task.saga_id}: {task.processor_id} is recorded to have done {task.task_id}, and did not"


def _looked(task: TaskEnd) -> bool:
    return task.status == "done" and task.outcome in _SEEN_ABSENT


def nothing_unasked(history: History) -> Iterator[str]:
    """The earliest copy of each question stands on a link of its saga's chain, at the same instant."""
    tasks = {task.task_id: task for task in history.tasks}
    instants = {(link.saga_id, link.at) for link in history.links}
    first: dict[tuple[Id, int], tuple[object, Id]] = {}
    for asked in sorted(history.asked, key=lambda a: a.at):
        first.setdefault((asked.task_id, asked.attempt), (asked.at, asked.saga_id))
        task = tasks.get(asked.task_id)
        if task is None or asked.attempt > task.attempt:
            yield f"saga {asked.saga_id}: attempt {asked.attempt} of task {asked.task_id} was asked, not recorded"
    for (task_id, attempt), (at, saga_id) in first.items():
        if history.links and (saga_id, at) not in instants:
            yield f"saga {saga_id}: attempt {attempt} of task {task_id} was asked at {at}, when nothing was recorded"
    for effect in history.effects:
        task = tasks.get(effect.task_id)
        if task is None or task.attempt < 1:
            yield f"saga {effect.saga_id}: {effect.processor_id} did {effect.task_id}, which was never asked"
    for ack in history.acks:
        task = tasks.get(ack.task_id)
        if task is None or ack.attempt > task.attempt:
            yield f"saga {ack.saga_id}: attempt {ack.attempt} of {ack.task_id} was answered and never asked"


def one_answer(history: History) -> Iterator[str]:
    """A promise and an answer are two things; copies of one say the same; each that counted stands in the chain."""
    counted = Counter((a.saga_id, a.task_id, a.attempt, a.promise) for a in history.acks)
    for (saga_id, task_id, attempt, _), times in counted.items():
        if times > 1:
            yield f"saga {saga_id}: attempt {attempt} of {task_id} was counted {times} times"
    said: dict[tuple[Id, int, bool], str] = {}
    for answer in history.answered:
        known = said.setdefault((answer.task_id, answer.attempt, answer.promise), answer.digest)
        if known != answer.digest:
            yield f"saga {answer.saga_id}: attempt {answer.attempt} of {answer.task_id} has two different answers"
    in_chain = Counter(link.saga_id for link in history.links if link.kind == "task_acked")
    rows = Counter(a.saga_id for a in history.acks)
    for saga_id in rows.keys() | in_chain.keys() if history.links else ():
        if rows[saga_id] != in_chain[saga_id]:
            yield f"saga {saga_id}: {rows[saga_id]} answers counted, {in_chain[saga_id]} in its chain"


def not_early(history: History) -> Iterator[str]:
    tasks: defaultdict[Id, list[TaskEnd]] = defaultdict(list)
    for task in history.tasks:
        tasks[task.saga_id].append(task)
    for saga in history.sagas:
        if (saga.state == "closed") is not (saga.closed_at is not None):
            yield f"saga {saga.id}: is {saga.state} with closed_at {saga.closed_at}"
        if saga.closed_at is None:
            continue
        heads = _heads(tasks[saga.id])
        if not heads.keys() - {PACKAGE}:
            yield f"saga {saga.id}: closed with nobody in scope"
        if saga.needs_package and not _well(heads.get(PACKAGE, {}).get("package"), saga):
            yield f"saga {saga.id}: closed without its package"
        for processor_id, verbs in heads.items():
            if processor_id != PACKAGE:
                owed = _owed(saga, verbs)
                if owed is not None:
                    yield f"saga {saga.id}: closed while {processor_id} owes {owed}"


def _heads(tasks: list[TaskEnd]) -> Mapping[str, Mapping[str, TaskEnd]]:
    found: dict[str, dict[str, TaskEnd]] = {}
    for task in sorted(tasks, key=lambda t: t.round):
        found.setdefault(task.processor_id, {})[task.verb] = task
    return found


def _owed(saga: SagaEnd, verbs: Mapping[str, TaskEnd]) -> str | None:
    """What a processor in scope still owes at the moment of closing; None where nothing."""
    export, erase, verify = verbs.get("export"), verbs.get("erase"), verbs.get("verify")
    if saga.needs_package and not (_well(export, saga) or _excepted(export, saga)):
        return "an export"
    if not saga.erases or _excepted(erase, saga):
        return None
    if not _well(erase, saga):
        return "an erasure"
    assert erase is not None, "it ended well"
    if verify is None:
        return None if erase.unverifiable else "a look"
    seen = _well(verify, saga) and verify.outcome in _SEEN_ABSENT
    same = verify.round == erase.round
    return None if same and (seen or _excepted(verify, saga)) else "a look that saw nothing left"


def _well(task: TaskEnd | None, saga: SagaEnd) -> bool:
    """Answered well before the saga closed. An erasure may also be settled by the look that saw its absence."""
    if task is None or task.status != "done" or saga.closed_at is None:
        return False
    in_time = task.settled_at is not None and task.settled_at <= saga.closed_at
    return in_time and (task.outcome in _ENDED_WELL or (task.verb == "erase" and task.outcome == "accepted"))


def _excepted(task: TaskEnd | None, saga: SagaEnd) -> bool:
    if task is None or task.status != "excepted" or not task.ground or saga.closed_at is None:
        return False
    return task.excepted_at is not None and task.excepted_at <= saga.closed_at


def quiet(history: History) -> Iterator[str]:
    """After the link that closed it, only the certificate and the end of retention.

    What was seen to be gone cannot be erased later; a processor that nobody could look at may have said done too early.
    """
    closed = {saga.id: saga.closed_at for saga in history.sagas if saga.closed_at is not None}
    ended: set[Id] = set()
    for link in sorted(history.links, key=lambda link: link.seq):
        if link.saga_id in ended and link.kind not in _AFTER_CLOSE:
            yield f"saga {link.saga_id}: {link.kind} was applied after it had closed"
        if link.state == "closed":
            ended.add(link.saga_id)
    looked = {(t.saga_id, t.processor_id, t.round) for t in history.tasks if t.verb == "verify" and _looked(t)}
    gone = {t.task_id for t in history.tasks if (t.saga_id, t.processor_id, t.round) in looked}
    for what, at, saga_id, task_id in (
        *(("was asked", a.at, a.saga_id, a.task_id) for a in history.asked),
        *(("was answered", a.at, a.saga_id, a.task_id) for a in history.acks),
        *(("was done", e.at, e.saga_id, e.task_id) for e in history.effects if e.task_id in gone),
    ):
        closed_at = closed.get(saga_id)
        if closed_at is not None and at > closed_at:
            yield f"saga {saga_id}: task {task_id} {what} at {at}, it closed at {closed_at}"


def holds(history: History) -> Iterator[str]:
    """Nothing new is asked inside a hold, or of a task that was excepted."""
    excepted = {t.task_id: t.excepted_at for t in history.tasks if t.excepted_at is not None}
    for asked in history.asked:
        since = excepted.get(asked.task_id)
        if since is not None and asked.at > since:
            yield f"saga {asked.saga_id}: task {asked.task_id} was asked at {asked.at}, excepted since {since}"
    for hold in history.holds:
        for asked in history.asked:
            inside = hold.since <= asked.at and (hold.until is None or asked.at < hold.until)
            if inside and (asked.saga_id, asked.processor_id) == (hold.saga_id, hold.processor_id):
                yield f"saga {asked.saga_id}: {asked.processor_id} was asked at {asked.at}, under a hold"
