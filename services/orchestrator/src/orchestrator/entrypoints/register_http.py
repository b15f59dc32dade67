"""Endpoints of the register, the keys, the seals and the parking lot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends, Query

from lethe_chassis import FieldError, Invalid, NotFound, Principal, require_scope
from lethe_processors.register import RegisterError
from orchestrator.domain.errors import RegisterRefused
from orchestrator.entrypoints.schemas import Inclusion, Keys, ParkedPage, Register, Seals

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.entrypoints.parts import Parts

Reader = Annotated[Principal, Depends(require_scope("saga:read"))]
RegisterReader = Annotated[Principal, Depends(require_scope("register:read"))]
RegisterWriter = Annotated[Principal, Depends(require_scope("register:write"))]
_NO_REGISTER = "No register is in force: POST /v1/register/load."


def register_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/register", summary="The register in force, as far as it is about your controllers", tags=["register"])
    async def register(principal: RegisterReader) -> Register:
        return await _shown(parts(), principal)

    @router.post("/register/load", summary="Bring the register's files into force", tags=["register"])
    async def load(principal: RegisterWriter) -> Register:
        try:
            brought = await parts().registers.load(principal.subject)
        except RegisterError as error:
            raise Invalid([_field(p.file, p.line, p.field, p.message, p.fix) for p in error.problems]) from None
        except RegisterRefused as error:
            raise Invalid([FieldError("after", "waits in a circle", str(error))]) from None
        return await _shown(parts(), principal, is_new=brought.is_new)

    @router.get("/keys", summary="Public keys that sign certificates and seals; no token needed", tags=["proof"])
    async def keys() -> Keys:
        return Keys.model_validate({"keys": await parts().proofs.keys()})

    @router.get("/audit/seals", summary="Signed roots over all audit chains, newest first", tags=["proof"])
    async def seals(
        _: Reader,
        before: Annotated[int | None, Query(ge=1, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Seals:
        items = await parts().proofs.seals(before, limit)
        following = items[-1]["seal"] if len(items) == limit and items[-1]["seal"] > 1 else None
        return Seals.model_validate({"items": items, "next": following})

    @router.get("/sagas/{dsr_id}/seal", summary="Proof that a saga's chain is under a seal", tags=["proof"])
    async def inclusion(dsr_id: UUID, principal: Reader) -> Inclusion:
        found = await parts().proofs.inclusion(dsr_id, principal.controller_ids)
        if found is None:
            raise NotFound("There is no such saga, it is not yours to see, or its chain is not sealed yet.")
        return Inclusion.model_validate(found)

    @router.get("/parked", summary="Messages that could not be taken, by reason; never their content", tags=["on-call"])
    async def parked(_: Reader) -> ParkedPage:
        return ParkedPage.model_validate({"items": await parts().proofs.parked()})

    return router


async def _shown(parts: Parts, principal: Principal, *, is_new: bool = False) -> Register:
    found = await parts.proofs.register(principal.controller_ids)
    if found is None:
        raise NotFound(_NO_REGISTER)
    return Register.model_validate({**found, "is_new": is_new})


def _field(file: str, line: int | None, field: str, message: str, fix: str) -> FieldError:
    place = file if line is None else f"{file}:{line}"
    return FieldError(f"{place} {field}", message, fix)
