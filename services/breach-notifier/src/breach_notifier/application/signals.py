"""Signals from the bus: distinct ones are stored, rules look at them, a hit opens a suspected case or adds to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breach_notifier.domain import events as e
from breach_notifier.domain.correlation import AHEAD, FLOOD, QUIET, Signal, hits, place
from breach_notifier.domain.decide import RULE
from breach_notifier.domain.fan import case_id
from lethe_events import SecuritySignal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from breach_notifier.application.batch import Batch
    from breach_notifier.application.office import Office
    from breach_notifier.application.ports import SignalStore
    from breach_notifier.domain.correlation import Hit, Incident, Placed
    from lethe_messaging import Message, Work

MOST_EVIDENCE = 200
"""References that a case names; what comes after is counted by its incident."""


class Signals:
    """`signals` are keyed by asset, so what is seen of one asset is looked at by one transaction after the other."""

    def __init__(self, office: Office, store: SignalStore) -> None:
        self._office = office
        self._store = store

    async def take(self, work: Work, messages: Sequence[Message]) -> None:
        now = (await self._office.store.load(work.tx, [])).now
        given: dict[UUID, Signal] = {}
        for message in messages:
            body = message.received.body
            trouble = self._trouble(body, now + AHEAD)
            if trouble is not None or type(body) is not SecuritySignal:
                work.park(message, *(trouble or ("unexpected_type", "")))
                continue
            given.setdefault(body.signal_id, _signal(body))
        signals = list(given.values())
        silent = {s.id for s in signals if any(x.covers(s, now) for x in self._office.policy.suppressions)}
        fresh = await self._store.insert(work.tx, signals, silent)
        heard = [s for s in signals if s.id in fresh and s.id not in silent]
        counts = (len(fresh), len(messages) - len(fresh), len(silent & fresh))
        work.after_commit(lambda: self._office.meters.signals(*counts))
        if not heard:
            return
        around = await self._store.around(work.tx, heard)
        of_fresh = {s.id for s in heard}
        found = [h for h in hits([*around, *heard]) if of_fresh.intersection(h.evidence)]
        if found:
            await self._place(work, found)

    def _trouble(self, body: object, latest: object) -> tuple[str, str] | None:
        if type(body) is not SecuritySignal:
            return "unexpected_type", "this topic carries lethe.breach.signal only"
        if body.controller_id not in self._office.policy.controllers:
            return "unknown_controller", f"controller {body.controller_id} is not in this deployment's file"
        if body.at > latest:  # type: ignore[operator]
            return "in_the_future", "the signal's clock is ahead: set the source's clock right, then retry"
        return None

    async def _place(self, work: Work, found: Sequence[Hit]) -> None:
        controllers = sorted({h.controller_id for h in found})
        await self._store.alone(work.tx, controllers)
        known = await self._store.known(work.tx, [h.anchor for h in found])
        fresh = [h for h in found if h.anchor not in known]
        if not fresh:
            return
        times = [h.at for h in fresh]
        open_, lately = await self._store.incidents(work.tx, controllers, min(times) - QUIET, max(times) + QUIET)
        placed: list[Placed] = []
        for controller in controllers:
            mine = [h for h in fresh if h.controller_id == controller]
            room = self._office.policy.cases_an_hour - lately.get(controller, 0)
            placed += place(mine, [i for i in open_ if i.controller_id == controller], room)
        await self._apply(work, placed)

    async def _apply(self, work: Work, placed: Sequence[Placed]) -> None:
        of = {i.id: self._case_of(i) for i in {p.incident.id: p.incident for p in placed}.values()}
        cases = [(p, of[p.incident.id]) for p in placed]
        # each hit brought a reference of its own: where so many were counted, the case has no room and is left alone
        telling = [(p, id_) for p, id_ in cases if p.incident.hits < MOST_EVIDENCE]
        batch = await self._office.open(work.tx, list(dict.fromkeys(id_ for _, id_ in telling)))
        evidence: dict[UUID, list[str]] = {}
        for one, id_ in telling:
            known = evidence.setdefault(id_, [])
            if len(known) < MOST_EVIDENCE:
                known.extend(f"signal:{s}" for s in one.hit.evidence)
        for one, id_ in telling:
            if one.opens:
                self._open(batch, one, id_, evidence.pop(id_, []))
        for id_, more in evidence.items():
            self._add(batch, id_, more)
        await self._store.place(work.tx, cases)
        await self._office.save(work, batch)
        work.after_commit(lambda: self._office.meters.hits(p.incident.rule for p in placed))

    def _case_of(self, incident: Incident) -> UUID:
        if incident.case_id is not None:
            return incident.case_id
        policy = self._office.policy.controllers[incident.controller_id]
        return case_id(incident.id, policy.controller_id, policy.party)

    def _open(self, batch: Batch, placed: Placed, id_: UUID, evidence: Sequence[str]) -> None:
        policy = self._office.policy.controllers[placed.incident.controller_id]
        rule = placed.incident.rule
        opening = e.BreachSuspected(
            batch.now,
            id_,
            placed.incident.id,
            policy.controller_id,
            policy.party,
            policy.country,
            policy.zone,
            policy.regime,
            f"{RULE}{rule}",
            tuple(dict.fromkeys((f"asset:{placed.incident.asset}", *evidence)))[:MOST_EVIDENCE],
        )
        batch.apply(id_, opening, placed.hit.anchor)
        if rule in self._office.policy.aware_rules and rule != FLOOD:
            reason = f"the policy takes a hit of {rule} as a reasonable degree of certainty"
            batch.apply(id_, e.AwarenessDeclared(batch.now, f"{RULE}{rule}", batch.now, reason), placed.hit.anchor)

    def _add(self, batch: Batch, id_: UUID, more: Sequence[str]) -> None:
        case = batch.case(id_)
        room = 0 if case is None else MOST_EVIDENCE - len(case.evidence)
        if room > 0:
            batch.apply(id_, e.EvidenceAdded(batch.now, tuple(dict.fromkeys(more))[:room]))


def _signal(body: SecuritySignal) -> Signal:
    return Signal(
        body.signal_id,
        body.controller_id,
        body.asset,
        body.actor or "",
        body.rule,
        body.at,
        body.severity,
        body.records,
        body.source,
    )


class Purge:
    """Forgets what the topic cannot deliver any more."""

    def __init__(self, store: SignalStore, older: timedelta) -> None:
        self._store = store
        self._older = older

    async def step(self) -> float:
        return 1.0 if await self._store.purge(self._older, 5_000) else 600.0
