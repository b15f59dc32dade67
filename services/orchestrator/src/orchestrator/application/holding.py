"""Holds of controllers reach their requests: when one is planned, whenever one is touched, and by a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.application.keeping import Touched
from orchestrator.domain.decision import Disposition
from orchestrator.domain.hold_events import HoldImposed
from orchestrator.domain.standing import key_name, missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from orchestrator.application.batch import Batch
    from orchestrator.application.ports import Vault
    from orchestrator.domain.standing import Standing


async def people_of(
    vault: Vault, standing: Standing, controllers: Mapping[UUID, str]
) -> Mapping[UUID, Collection[str]]:
    """Tokens of the people that requests are about, by one call; no call where no hold names a person."""
    wanted = {i: [key_name(c)] for i, c in controllers.items() if standing.about_people(c)}
    if not wanted:
        return {}
    found = await vault.subject_tokens(list(wanted), wanted)
    return {dsr_id: tokens for (dsr_id, _), tokens in found.items()}


def bring_up(batch: Batch, ids: Iterable[UUID]) -> None:
    """Let open sagas know the holds in force, before anything else happens to them.

    Holds that name a person are left to planning and to the sweep: recognising one takes a redemption from the vault.
    """
    if not batch.standing.holds:
        return
    for saga_id in dict.fromkeys(ids):
        saga = batch.saga(saga_id)
        if saga is not None and saga.closed_at is None and saga.controller_id in batch.standing.holds:
            impose(batch, saga_id, None)


def impose(batch: Batch, saga_id: UUID, tokens: Collection[str] | None) -> None:
    """`tokens` None: who the saga is about is not looked at. Also of a closed one, before it is opened anew."""
    saga = batch.saga(saga_id)
    if saga is None:
        return
    for hold in missing(batch.standing, saga, tokens):
        if batch.apply(saga_id, HoldImposed(batch.now, hold)).disposition is Disposition.APPLIED:
            batch.touched.append(Touched(hold.id, saga_id, batch.now, None))
