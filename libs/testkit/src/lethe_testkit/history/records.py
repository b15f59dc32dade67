"""Rules about records: the chain, timers and alarms, what is left over, who owned what, the order of publishing."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_testkit.history.model import ChainLink, History, Id

GENESIS = "0" * 64


def alarms(history: History) -> Iterator[str]:
    """Of everything that time brought; of an alarm also: the rungs one after the other."""
    seen: set[tuple[object, ...]] = set()
    rungs: dict[Id, int] = {}
    for link in history.links:
        if link.due_at is None:
            continue
        if link.at < link.due_at:
            yield f"saga {link.saga_id}: {link.kind} {link.subject} fired at {link.at}, before {link.due_at}"
        alarm = link.kind == "alarm_due"
        once = (link.saga_id, link.kind, link.subject, None if alarm else link.due_at)
        if once in seen:
            yield f"saga {link.saga_id}: {link.kind} {link.subject} of {link.due_at} fired twice"
        seen.add(once)
        if alarm:
            rung = int(link.subject or 0)
            if rung != rungs.get(link.saga_id, -1) + 1 and rung > rungs.get(link.saga_id, -1):
                yield f"saga {link.saga_id}: rung {rung} rang before the ones below it"
            rungs[link.saga_id] = rung


def chain(history: History) -> Iterator[str]:
    """Numbers without a gap, each hash over the one before, and the head that the saga's row names."""
    chains: defaultdict[Id, list[ChainLink]] = defaultdict(list)
    for link in history.links:
        chains[link.saga_id].append(link)
    for saga in history.sagas:
        links = sorted(chains.pop(saga.id, ()), key=lambda link: link.seq)
        head = GENESIS
        for expected, link in enumerate(links, start=1):
            if link.seq != expected:
                yield f"saga {saga.id}: link {link.seq} stands where {expected} is due"
                break
            head = sha256(f"{head}\n{link.content}".encode()).hexdigest()
            if link.hash != head:
                yield f"saga {saga.id}: link {link.seq} does not follow from the one before"
                break
        if (saga.audit_seq, saga.audit_head) != (len(links), head):
            yield f"saga {saga.id}: its row names head {saga.audit_seq}, its chain ends at {len(links)}"
    for saga_id in chains:
        yield f"saga {saga_id}: has a chain and no row"


def timers(history: History) -> Iterator[str]:
    """Armed no later than the tasks ask for (earlier is harmless: it fires and moves on), and none passed unseen."""
    for timer in history.timers:
        if (timer.armed is None) is not (timer.expected is None):
            yield f"saga {timer.saga_id}: armed for {timer.armed}, due at {timer.expected}"
        elif timer.armed is not None and timer.expected is not None:
            if timer.armed > timer.expected:
                yield f"saga {timer.saga_id}: armed for {timer.armed}, due before, at {timer.expected}"
            if timer.armed < history.ended_at - history.patience:
                yield f"saga {timer.saga_id}: armed for {timer.armed}, and not fired"


def drained(history: History) -> Iterator[str]:
    for left in history.backlog:
        if left.size:
            yield f"{left.what} {left.where}: {left.size}"


def parked(history: History) -> Iterator[str]:
    """Both ways: poison that vanished is lost evidence, a good message that was parked is a lost one."""
    for place in sorted(history.undecodable - history.parked):
        yield f"{place}: cannot be handled, and is not parked"
    for place in sorted(history.parked - history.undecodable - history.refusable):
        yield f"{place}: was parked although nothing is wrong with it"


def one_owner(history: History) -> Iterator[str]:
    """Epochs grow, and no lease is taken from whoever lives and holds it."""
    epochs: dict[str, int] = {}
    for claim in history.claims:
        if claim.from_living:
            yield f"{claim.what}: {claim.owner} took it under epoch {claim.epoch} from a living owner"
        if claim.epoch <= epochs.get(claim.what, -1):
            yield f"{claim.what}: epoch {claim.epoch} came after {epochs[claim.what]}"
        epochs[claim.what] = claim.epoch


def order(history: History) -> Iterator[str]:
    last: dict[tuple[str, str], int] = {}
    for written in history.written:
        place = (written.writer, written.key)
        before = last.get(place, -1)
        if written.number < before:
            yield f"{written.writer}: record {written.number} of {written.key} was published after {before}"
        else:
            last[place] = written.number
