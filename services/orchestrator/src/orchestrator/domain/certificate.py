"""The certificate of a closed saga: what was done where, what was kept and why, and what is not proven. GDPR Art. 5(2).

It holds no personal data. `{"certificate": …, "signature": …}` is checked with the public key alone: the signature is
over the canonical JSON of `certificate`; `audit.head` is the hash of the chain's link number `audit.links`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_events.ids import text_of
from lethe_events.words import PACKAGE_PROCESSOR, Grade, Outcome, Verb
from orchestrator.domain.clock import dates, late
from orchestrator.domain.closing import LAWFUL_END, Verdict, heads, newest_change, result, verdicts
from orchestrator.domain.record_parts import Json, instant
from orchestrator.domain.remedies import refusal_json, remedies
from orchestrator.domain.rights_told import rights_json
from orchestrator.domain.saga import CHANGES
from orchestrator.domain.words import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lethe_events import Retained
    from orchestrator.domain.beside import ClockChange, Ending, Hold, LetterProof, Reopening
    from orchestrator.domain.saga import LawfulException, Saga, Task

FORMAT = "lethe.certificate.v1"

NOT_PROVEN: Mapping[str, str] = {
    "unregistered_systems": "systems that the register of these versions does not name",
    "backups": "backups, until their cycle ends",
    "derived_data": "anonymous statistics and trained models derived earlier",
    "unverifiable": "nobody looked again: the register excepts verification, on the ground given",
    "attested": "absence rests on the processor's word alone",
    "verification_excepted": "two people excepted the verification, on the ground given",
    "not_searchable": "no identifier was known of a kind by which this processor can find a person",
    "not_carried_out": "the request ended before this was done or looked at",
    "no_processor_asked": "nothing was asked of processors: that the decision was looked at rests on a person's word",
    "verified_after_promise": "an asynchronous vendor; its own backups follow its own cycle",
}
"""Code → meaning. The certificate carries both, so that it can be read alone."""

_SHORT_OF = frozenset(Verdict) - LAWFUL_END
_ALWAYS = ("unregistered_systems", "backups", "derived_data")


def certificate(saga: Saga, *, links: int, head: str) -> Json:
    """The content to sign. `links`, `head`: number and hash of the last link of the chain before this certificate."""
    found = sorted(verdicts(saga.right, saga.needs_package, saga.tasks).items())
    tasks = _tasks(saga)
    newest = heads(saga.tasks)
    outcome = result(saga)
    document = {
        "format": FORMAT,
        "dsr": _dsr(saga),
        "clock": _clock(saga),
        "result": outcome,
        "closed_at": None if saga.closed_at is None else instant(saga.closed_at),
        "registers": sorted({t.rules.register_version for t in tasks}),
        "processors": [
            {
                "processor": processor_id,
                "verdict": verdict,
                "tasks": [_task(t) for t in tasks if t.processor_id == processor_id],
            }
            for processor_id, verdict in found
        ],
        "kept": [_kept(p, r) for p, r in kept(saga)],
        "exceptions": [_exception(t, t.exception) for t in tasks if t.exception is not None],
        "not_proven": [
            *({"code": code, "meaning": NOT_PROVEN[code]} for code in (*_ALWAYS, *_of_people(saga, tasks))),
            *(
                {"code": code, "processor": processor_id, "meaning": NOT_PROVEN[code], **more}
                for processor_id, verdict in found
                if processor_id != PACKAGE_PROCESSOR
                for code, more in _doubts(saga, newest[processor_id], verdict)
            ),
        ],
        "audit": {"links": links, "head": head},
    }
    if saga.beside is not None and saga.beside.identified is not None:
        who = saga.beside.identified
        document["identified"] = {"method": who.method, "at": instant(who.at)}
    document |= rights_json(saga)
    if saga.beside is not None and saga.beside.ended is not None:
        document["ended"] = ended_json(saga.beside.ended)
        if saga.beside.refusal is not None:
            document["refusal"] = refusal_json(saga.beside.refusal)
    if saga.beside is not None and saga.beside.holds:
        document["holds"] = [hold_json(h) for h in saga.beside.holds]
    if saga.beside is not None and saga.beside.rang:
        document["escalations"] = [
            {"rung": r.rung, "calls": r.calls, "policy": r.policy, "at": instant(r.at)} for r in saga.beside.rang
        ]
    if saga.beside is not None and saga.beside.reopened:
        document["reopened"] = [reopening_json(r) for r in saga.beside.reopened]
    if saga.beside is not None and saga.beside.letters:
        document["letters"] = [letter_json(p) for p in saga.beside.letters]
    told = remedies(saga)
    if told is not None:
        document["remedies"] = told
    return document


def _of_people(saga: Saga, tasks: list[Task]) -> tuple[str, ...]:
    return ("no_processor_asked",) if not tasks and saga.beside is not None and saga.beside.decision is not None else ()


def change_json(change: ClockChange) -> Json:
    """What changed the clock, who recorded it, why, and by which version of the rule it counts."""
    found: Json = {
        "kind": change.kind,
        "happened_at": instant(change.happened_at),
        "reasons": list(change.reasons),
        "recorded_at": instant(change.recorded_at),
        "recorded_by": change.by,
        "rule": change.rule,
        "rule_version": change.rule_version,
        "due_strict": instant(change.due_strict),
        "due_legal": instant(change.due_legal),
    }
    if change.further:
        found["further"] = change.further
    return found


def hold_json(hold: Hold) -> Json:
    """A legal hold and the people behind it; `since` and `until` say when it was in force."""
    return {
        "hold": str(hold.id),
        "ground": hold.ground,
        "article": hold.article,
        "matter": hold.matter,
        "processors": list(hold.processors),
        "placed_by": hold.placed_by,
        "approved_by": hold.approved_by,
        "since": None if hold.since is None else instant(hold.since),
        "lifting_by": hold.lifting_by,
        "lifted_by": hold.lifted_by,
        "until": None if hold.until is None else instant(hold.until),
        "categories": list(hold.categories),
        "standing": hold.standing,
    }


def reopening_json(reopening: Reopening) -> Json:
    """Why and where a closed saga went on."""
    return {"at": instant(reopening.at), "why": reopening.why, "processors": list(reopening.processors)}


def letter_json(proof: LetterProof) -> Json:
    """What became of a letter. The one that tells of the end goes out after this: its proof is in the chain."""
    found: Json = {"letter": str(proof.letter_id), "kind": proof.kind, "state": proof.state, "at": instant(proof.at)}
    for name in ("language", "sha256", "reason"):
        value = getattr(proof, name)
        if value is not None:
            found[name] = value
    return found


def ended_json(ended: Ending) -> Json:
    """How the request came to an end that is no carrying-out."""
    found: Json = {"result": ended.result.value, "at": instant(ended.at), "said_at": instant(ended.said_at)}
    if ended.by is not None:
        found["recorded_by"] = ended.by
    return found


def _tasks(saga: Saga) -> list[Task]:
    return sorted(saga.tasks.values(), key=lambda t: (t.processor_id, t.round, t.verb.value))


def _dsr(saga: Saga) -> Json:
    return {
        "id": text_of(saga.id),
        "subject_ref": text_of(saga.subject_ref),
        "controller": saga.controller_id,
        "right": saga.right,
        "export_first": saga.export_first,
        "channel": saga.channel,
        "identity": saga.identity,
        "identifier_kinds": list(saga.identifier_kinds),
        "country": saga.country,
        "received_at": instant(saga.received_at),
        "accepted_at": instant(saga.accepted_at),
    }


def _clock(saga: Saga) -> Json:
    clock = saga.clock
    found: Json = {
        "due_strict": instant(clock.due_strict),
        "due_legal": instant(clock.due_legal),
        "rule": clock.rule,
        "derivation": clock.derivation,
        "late": late(saga),
    }
    beside = saga.beside
    if beside is not None and beside.changes:
        found["changes"] = [change_json(c) for c in beside.changes]
    if beside is not None and beside.first is not None:
        found["first_due_strict"] = instant(beside.first.due_strict)
        found["first_due_legal"] = instant(beside.first.due_legal)
        found["judged_by"] = instant(dates(saga).due_legal)
    if saga.answered_at is not None:
        found["answered_at"] = instant(saga.answered_at)
    return found


def _task(task: Task) -> Json:
    found: Json = {
        "task": text_of(task.id),
        "verb": task.verb,
        "round": task.round,
        "status": task.status,
        "attempt": task.attempt,
    }
    answer = task.answer
    if answer is None:
        return found
    found |= {"outcome": answer.outcome, "grade": task.rules.credit(answer.grade).value}
    found["at"] = instant(answer.at)
    if answer.counts:
        found["counts"] = [{"collection": c.collection, "method": c.method, "rows": c.rows} for c in answer.counts]
    if answer.part is not None:
        part = answer.part
        found["part"] = {
            "document": str(part.document_id),
            "sha256": part.sha256,
            "records": part.records,
            "masked": part.masked,
        }
    if answer.evidence:
        found["evidence"] = [{"kind": v.kind, "sha256": v.sha256} for v in answer.evidence]
    if task.expected_by is not None:
        found["promised_for"] = instant(task.expected_by)
    if answer.register_version is not None:
        found["register"] = answer.register_version
    return found


def kept(saga: Saga) -> list[tuple[str, Retained]]:
    """What the law keeps, by processor: the newest look at each, or its erasure where nobody can look."""
    return [
        (task.processor_id, row)
        for task in _tasks(saga)
        if task.answer is not None and task.answer.outcome is Outcome.RETAINED and _speaks(saga, task)
        for row in task.answer.retained
    ]


def _kept(processor_id: str, row: Retained) -> Json:
    return {
        "processor": processor_id,
        "collection": row.collection,
        "category": row.category,
        "rows": row.rows,
        "ground": row.ground,
        "article": row.article,
        "until": None if row.until is None else instant(row.until),
    }


def _speaks(saga: Saga, task: Task) -> bool:
    """Whether this task is the last word on what its processor holds."""
    look = saga.latest(task.processor_id, Verb.VERIFY)
    if task is look or (look is not None and look.good):
        return task is look
    return task.verb in CHANGES and task is saga.latest(task.processor_id, task.verb)


def _exception(task: Task, why: LawfulException) -> Json:
    return {
        "processor": task.processor_id,
        "verb": task.verb,
        "ground": why.ground,
        "article": why.article,
        "reason": why.reason,
        "proposed_by": why.proposed_by,
        "approved_by": why.approved_by,
        "at": instant(why.at),
    }


def _doubts(saga: Saga, verbs: Mapping[Verb, Task], verdict: Verdict) -> list[tuple[str, dict[str, Any]]]:
    """What is not proven about one processor, by its newest tasks."""
    doubts: list[tuple[str, dict[str, Any]]] = []
    if verdict is Verdict.NOT_CONCERNED:
        return doubts
    verify, erase = verbs.get(Verb.VERIFY), newest_change(verbs)
    rules = next(iter(verbs.values())).rules
    why = rules.unverifiable
    if verdict is Verdict.UNVERIFIABLE and why is not None:
        doubts.append(("unverifiable", {"ground": why.ground, "article": why.article, "reason": why.reason}))
    if verdict in _SHORT_OF:
        doubts.append(("not_carried_out", {"verdict": verdict.value}))
    if verify is not None and verify.status is TaskStatus.EXCEPTED and erase is not None and erase.good:
        doubts.append(("verification_excepted", {}))
    last = verify or erase
    if last is not None and last.answer is not None and last.rules.credit(last.answer.grade) is Grade.ATTESTED:
        doubts.append(("attested", {}))
    if erase is not None and erase.expected_by is not None and verdict is Verdict.PROVEN:
        doubts.append(("verified_after_promise", {}))
    if rules.identities and set(rules.identities).isdisjoint(saga.identifier_kinds):
        doubts.append(("not_searchable", {"kinds": list(rules.identities)}))
    return doubts
