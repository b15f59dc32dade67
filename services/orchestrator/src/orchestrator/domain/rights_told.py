"""What a reader is told about the rights beside access and erasure: for the certificate, the API and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.beside import Beside
from orchestrator.domain.courses import not_concerned, restricted, stage_of
from orchestrator.domain.lift_acts import lifts_at
from orchestrator.domain.record_parts import Json, instant
from orchestrator.domain.terms import UNCONCERNED, Unconcerned, concern

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.domain.decided import Announcing, Asked, Deciding, Lifting, PersonsDecision, TakenBack
    from orchestrator.domain.saga import Saga, Task


def rights_json(saga: Saga) -> Json:
    """Members that are there only where they say something; those of access and erasure have none."""
    found: Json = {}
    left_out = unconcerned(saga)
    if left_out:
        found["not_concerned"] = left_out
    beside = saga.beside
    if beside is None or beside.asked is None:
        return found
    found["asked"] = asked_json(beside.asked)
    if beside.decision is not None:
        found["decision"] = decision_json(beside.decision)
    restriction = restriction_json(saga)
    if restriction is not None:
        found["restriction"] = restriction
    if beside.taken_back is not None:
        found["taken_back"] = taken_back_json(beside.taken_back)
    return found


def unconcerned(saga: Saga) -> list[Json]:
    """Processors in scope that the right does not reach, each with the reason."""
    left_out = sorted((t for t in saga.tasks.values() if not_concerned(t)), key=lambda t: t.processor_id)
    found: list[Json] = []
    for task in left_out:
        why = _why(saga, task)
        found.append(
            {
                "processor": task.processor_id,
                "code": why.code,
                "article": why.article,
                "meaning": UNCONCERNED[why.code],
            }
        )
    return found


def _why(saga: Saga, task: Task) -> Unconcerned:
    asked = None if saga.beside is None else saga.beside.asked
    stage = stage_of(saga.right, Beside(asked=asked))  # as it was at the beginning: by that the reason is told
    return concern(task.rules, stage, asked) or Unconcerned("nothing_left_to_do", stage.article)


def asked_json(asked: Asked) -> Json:
    """What the request names; no value of any correction is here."""
    found: Json = {"purposes": list(asked.purposes), "categories": list(asked.categories)}
    if asked.direct_marketing:
        found["direct_marketing"] = True
    if asked.contested:
        found["contested"] = True
    for name, value in (("ground", asked.ground), ("decision", asked.decision)):
        if value is not None:
            found[name] = value
    return found


def decision_json(decision: PersonsDecision) -> Json:
    """What was decided, why, and by whom."""
    found: Json = {
        "outcome": decision.outcome,
        "upheld": decision.upheld,
        "article": decision.article,
        "reasons": list(decision.reasons),
        "decided_by": decision.decided_by,
        "at": instant(decision.at),
    }
    if decision.approved_by is not None:
        found["approved_by"] = decision.approved_by
    if decision.ground is not None:
        found["ground"] = decision.ground
    return found


def deciding_json(deciding: Deciding) -> Json:
    """A decision against the person that waits for a second one."""
    return {
        "outcome": deciding.outcome,
        "ground": deciding.ground or None,
        "article": deciding.article,
        "reasons": list(deciding.reasons),
        "by": deciding.by,
        "at": instant(deciding.at),
    }


def restriction_json(saga: Saga) -> Json | None:
    """Since when data is restricted, where, and until when; None where nothing was."""
    held = [t for t in saga.tasks.values() if restricted(t)]
    if not held:
        return None
    since = [t.settled_at for t in held if t.settled_at is not None]
    found: Json = {
        "processors": sorted({t.processor_id for t in held}),
        "since": instant(min(since)) if since else None,
    }
    lifting = None if saga.beside is None else saga.beside.lifting
    if lifting is not None:
        found["lifting"] = lifting_json(lifting)
    announced = None if saga.beside is None else saga.beside.announcing
    if announced is not None:
        found["announced"] = announced_json(announced, lifts_at(saga))
    return found


def lifting_json(lifting: Lifting) -> Json:
    """Who ended it and why, and when the data subject was told (Art. 18(3))."""
    found: Json = {
        "at": instant(lifting.at),
        "told_at": None if lifting.told_at is None else instant(lifting.told_at),
        "reason": lifting.reason,
        "by": lifting.by,
    }
    if lifting.untold is not None:
        found["untold"] = lifting.untold
    return found


def announced_json(announced: Announcing, at: datetime | None) -> Json:
    """A lifting that is announced: by whom and why, what became of the letter, and when it comes."""
    found: Json = {
        "asked_at": instant(announced.asked_at),
        "named": instant(announced.named),
        "days": announced.days,
        "reason": announced.reason,
        "by": announced.by,
        "told_at": None if announced.told_at is None else instant(announced.told_at),
        "lifts_at": None if at is None else instant(at),
    }
    if announced.failed is not None:
        found["failed"] = announced.failed
    return found


def taken_back_json(taken: TakenBack) -> Json:
    found: Json = {"at": instant(taken.at), "said_at": instant(taken.said_at)}
    if taken.by is not None:
        found["recorded_by"] = taken.by
    return found
