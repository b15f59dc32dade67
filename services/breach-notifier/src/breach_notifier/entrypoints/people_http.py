"""Endpoints about the people concerned: what the incident reached, how many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends

from breach_notifier.application.acts import Person
from breach_notifier.domain.scope import Asked, Reached
from breach_notifier.entrypoints import people_schemas as s
from breach_notifier.entrypoints.refusing import NO_CASE, answered
from lethe_chassis import Conflict, NotFound, Principal, require_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from breach_notifier.application.people import People
    from breach_notifier.entrypoints.parts import Parts

Actor = Annotated[Principal, Depends(require_scope("breach:act"))]
Reader = Annotated[Principal, Depends(require_scope("breach:read"))]


def people_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/breaches/{case_id}", tags=["people"])

    @router.post("/scope", summary="Say what the incident reached; people are found and counted", status_code=202)
    async def scope(case_id: UUID, body: s.Scope, who: Actor) -> s.Asked:
        reached = {
            p: Reached(tuple(r.categories), r.complete_since, r.population) for p, r in sorted(body.processors.items())
        }
        person = Person(who.subject, who.controller_ids)
        asked = Asked(body.start, body.end, reached)
        number = await answered(people(parts()).scopes.ask(person, case_id, asked))
        return s.Asked(case_id=case_id, number=number)

    @router.get("/affected", summary="How many people are concerned, by scope, and what searches came to")
    async def affected(case_id: UUID, who: Reader) -> s.Affected:
        await theirs(parts(), case_id, who)
        reading = parts().people_reading
        found = [] if reading is None else await reading.scopes(case_id)
        return s.Affected.model_validate({"case_id": case_id, "scopes": found})

    return router


def people(parts: Parts) -> People:
    if parts.people is None:
        raise Conflict("no_vault", "nobody can be looked for without the vault: set LETHE_VAULT_KEYS of this service")
    return parts.people


async def theirs(parts: Parts, case_id: UUID, who: Principal) -> None:
    if await parts.reading.links(case_id, who.controller_ids) is None:
        raise NotFound(NO_CASE)
