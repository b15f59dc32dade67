"""Which tasks can be carried out at all, before anything is opened and after. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.canonical import canonical, sha256_hex
from lethe_events.models import Evidence, Failure
from lethe_events.words import FailureKind, Outcome
from lethe_processors.connector import Answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lethe_events.models import TaskRequested
    from lethe_events.words import Verb
    from lethe_processors.register import Processor


def refuse(task: TaskRequested, processor: Processor | None, verbs: Collection[Verb]) -> Answer | None:
    """The answer to a task that needs no identifiers to be answered; None if it may go on.

    `processor` None: the register that is loaded here does not have it. `verbs`: what this worker does.
    """
    if task.verb not in verbs:
        return Answer.permanent("verb_of_another_worker")
    if processor is None:
        return Answer.transient("processor_unknown")  # its files may still be on their way here
    if task.controller_id not in processor.controllers:
        return Answer.permanent("controller_not_served")
    if processor.connector.kind == "kafka":
        return Answer.permanent("kafka_native")
    if task.verb not in processor.capabilities.verbs:
        return _person("verb_not_supported")
    return None


def admit(
    task: TaskRequested,
    processor: Processor,
    identifiers: Mapping[str, tuple[str, ...]] | None,
    *,
    tampered: bool = False,
) -> Answer | None:
    """The answer to a task whose identifiers do not let it be carried out; None if they do.

    `identifiers` None: the vault has none, because the DSR was shredded or never sealed.
    """
    if tampered:
        return _person("identifiers_tampered")
    if identifiers is None:
        return Answer.permanent("identifiers_shredded")
    if not any(identifiers.get(kind) for kind in processor.identities):
        kinds = {"task_id": str(task.task_id), "known": sorted(identifiers), "needed": sorted(processor.identities)}
        unknown = Evidence(kind="no_known_identity", sha256=sha256_hex(canonical(kinds)))
        return Answer(Outcome.NOTHING_FOUND, evidence=(unknown,))
    return None


def _person(code: str) -> Answer:
    return Answer(Outcome.NEEDS_PERSON, failure=Failure(kind=FailureKind.PERMANENT, code=code))
