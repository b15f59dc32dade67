"""Which processors a saga has in scope: at planning, and when the register grows while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_events.words import SagaState
from orchestrator.application.holding import bring_up
from orchestrator.domain.events import ProcessorJoined, ScopePlanned
from orchestrator.domain.saga import SIMPLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from orchestrator.application.batch import Batch
    from orchestrator.application.ports import RegisterView, Vault
    from orchestrator.domain.rules import ProcessorRules


async def tokens_for(
    vault: Vault, wanted: Mapping[UUID, Sequence[ProcessorRules]]
) -> Mapping[UUID, Mapping[str, tuple[str, ...]]]:
    """Subject tokens of many DSRs for their Kafka-native processors, by one call; no call where there are none."""
    native = {
        dsr_id: names
        for dsr_id, processors in wanted.items()
        if (names := [p.processor_id for p in processors if p.kafka_native])
    }
    found: dict[UUID, dict[str, tuple[str, ...]]] = {}
    if native:
        for (dsr_id, processor_id), tokens in (await vault.subject_tokens(list(native), native)).items():
            found.setdefault(dsr_id, {})[processor_id] = tokens
    return found


async def catch_up(batch: Batch, ids: Collection[UUID], view: RegisterView | None, vault: Vault) -> None:
    """Let processors join that are registered now and that open sagas have not in scope.

    Done before anything else happens to a saga, so that none closes past a processor that is registered; and before
    that, the holds of the controller reach it, so that nobody who joins is asked for what is held.
    A right that does not reach every processor is planned as a whole: the first newcomer might leave nothing to do.
    """
    bring_up(batch, ids)
    if view is None:
        return
    missing: dict[UUID, list[ProcessorRules]] = {}
    for saga_id in dict.fromkeys(ids):
        entry = batch.entries.get(saga_id)
        if entry is None or entry.saga is None or entry.checked >= view.id or entry.saga.closed_at is not None:
            continue
        entry.checked = view.id
        entry.dirty = True
        present = {t.processor_id for t in entry.saga.tasks.values()}
        newcomers = [p for p in view.of(entry.saga.controller_id) if p.processor_id not in present]
        if newcomers:
            missing[saga_id] = newcomers
    tokens = await tokens_for(vault, missing)
    for saga_id, newcomers in missing.items():
        saga = batch.entries[saga_id].saga
        if saga is not None and saga.right not in SIMPLE and saga.state is SagaState.RECEIVED:
            known_here = tokens.get(saga_id, {})
            batch.apply(saga_id, ScopePlanned(batch.now, view.version, tuple(newcomers), known_here))
            continue
        for rules in newcomers:
            known = tokens.get(saga_id, {}).get(rules.processor_id, ())
            batch.apply(saga_id, ProcessorJoined(batch.now, view.version, rules, known))
