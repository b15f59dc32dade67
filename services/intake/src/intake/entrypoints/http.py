"""The HTTP API of intake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends, FastAPI, Query
from starlette.responses import StreamingResponse

from intake.application import packages
from intake.entrypoints import accepting, batch_http, breach_http
from intake.entrypoints.identifying import identity_router
from intake.entrypoints.letters_http import letters_router
from intake.entrypoints.republishing import republish_router
from intake.entrypoints.schemas import (
    Dsr,
    DsrPage,
    NewRedemptions,
    Redeemed,
    RedeemedItem,
)
from intake.entrypoints.showing import NO_DSR, PAGE, shown
from intake.entrypoints.withdrawing import withdrawal_router
from lethe_chassis import (
    BodyRule,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Principal,
    create_app,
    operations_router,
    require_scope,
)
from lethe_events.words import SagaState  # noqa: TC001 - FastAPI evaluates annotations
from lethe_messaging import OperationRefused
from lethe_vault import Gone as Shredded
from lethe_vault import Redemption

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from prometheus_client import CollectorRegistry

    from intake.application.accept import Acceptance
    from intake.application.breaches import Breaches
    from intake.application.dealings import Dealings
    from intake.application.packages import Packages
    from intake.application.ports import Correspondence, Store
    from intake.application.redeem import Redemptions
    from intake.application.republish import Republishing
    from lethe_chassis import Authenticator, HealthChecks, MessagingOperations

VERSION = "1.0.0"
_DESCRIPTION = (
    "How a data-subject request comes in. A 202 means that the request is stored and its identifiers are sealed. "
    "Errors are problem documents (RFC 9457) that name field and fix."
)

Reader = Annotated[Principal, Depends(require_scope("dsr:read"))]
PackageReader = Annotated[Principal, Depends(require_scope("package:read"))]
Redeemer = Annotated[Principal, Depends(require_scope("vault:redeem"))]


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired application that the endpoints translate for."""

    acceptance: Acceptance
    store: Store
    republishing: Republishing
    packages: Packages
    redemptions: Redemptions
    operations: MessagingOperations
    dealings: Dealings
    breaches: Breaches
    correspondence: Correspondence


def build_app(
    parts: Callable[[], Parts],
    *,
    auth: Authenticator | None,
    health: HealthChecks,
    unavailable: Callable[[BaseException], bool],
    registry: CollectorRegistry,
) -> FastAPI:
    """`parts` is asked when a request comes, so that the API document can be had without engines."""
    app = create_app(
        title="Lethe intake",
        version=VERSION,
        description=_DESCRIPTION,
        auth=auth,
        health=health,
        unavailable=unavailable,
        schemas=(accepting.BODY,),
        body_rules={breach_http.PATH: BodyRule(max_bytes=breach_http.MOST_BYTES), batch_http.PATH: batch_http.BODY},
        registry=registry,
    )
    accepting.add_route(app, lambda: parts().acceptance)
    app.include_router(republish_router(lambda: parts().republishing))
    app.include_router(_router(parts))
    app.include_router(withdrawal_router(lambda: parts().dealings))
    app.include_router(identity_router(lambda: parts().dealings))
    app.include_router(batch_http.batch_router(lambda: parts().dealings.batches))
    app.include_router(letters_router(lambda: parts().correspondence))
    app.include_router(breach_http.breach_router(lambda: parts().breaches))
    app.include_router(operations_router(lambda: parts().operations, OperationRefused))
    return app


def _router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/dsrs", summary="List your controllers' DSRs, newest first", tags=["dsr"])
    async def page(
        principal: Reader,
        state: Annotated[SagaState | None, Query(description="Only in this state")] = None,
        controller_id: Annotated[str | None, Query(max_length=64, description="Only of this controller")] = None,
        before: Annotated[UUID | None, Query(description="Last dsr_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    ) -> DsrPage:
        mine = [c for c in sorted(principal.controller_ids) if controller_id in {None, c}]
        views = await parts().store.page(mine, before=before, state=state.value if state else None, limit=limit)
        following = None
        if len(views) == limit:
            kept = [f"before={views[-1].dsr_id}", f"limit={limit}"]
            kept += [f"state={state.value}"] if state else []
            kept += [f"controller_id={controller_id}"] if controller_id in mine else []
            following = f"/v1/dsrs?{'&'.join(kept)}"
        return DsrPage(items=[shown(view) for view in views], next=following)

    @router.get("/dsrs/{dsr_id}", summary="Where a DSR stands", tags=["dsr"])
    async def find(dsr_id: UUID, principal: Reader) -> Dsr:
        view = await parts().store.find(dsr_id, principal.controller_ids)
        if view is None:
            raise NotFound(NO_DSR)
        return shown(view)

    @router.get("/dsrs/{dsr_id}/package", summary="Take the export package away", tags=["dsr"], **_PACKAGE)
    async def package(dsr_id: UUID, principal: PackageReader) -> StreamingResponse:
        return await _download(parts().packages, dsr_id, principal)

    @router.post("/redemptions", summary="Identifiers for a processor's tasks", tags=["processors"])
    async def redeem(body: NewRedemptions, principal: Redeemer) -> Redeemed:
        if principal.processor_id is None:
            raise Forbidden(
                "no_processor", "The token is not bound to a processor (claim processor_id): get one that is."
            )
        wanted = {Redemption(item.dsr_id, item.task_id): item for item in body.items}
        found = await parts().redemptions.redeem(principal.processor_id, list(wanted), principal.controller_ids)
        return Redeemed(
            items=[
                RedeemedItem(dsr_id=item.dsr_id, task_id=item.task_id, identifiers=dict(values))
                for item, values in found.items()
            ],
            refused=[item for redemption, item in wanted.items() if redemption not in found],
        )

    return router


_PACKAGE: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": {
        200: {
            "description": "The package. Only a body of Content-Length bytes with the hash in Repr-Digest is whole",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        404: {"description": "No such DSR, or one without a package"},
        409: {"description": "Not ready yet: come back after Retry-After"},
        410: {"description": "The data were shredded when the retention of the DSR ended"},
    },
}


async def _download(source: Packages, dsr_id: UUID, principal: Principal) -> StreamingResponse:
    try:
        found = await source.open(dsr_id, principal.controller_ids, principal.subject)
        content = await _begun(found.content)
    except packages.NoSuchDsr:
        raise NotFound(NO_DSR) from None
    except packages.NoPackage:
        raise NotFound("This DSR has no export package: nothing was exported in it.", type_="no_package") from None
    except packages.PackageNotReady:
        raise Conflict(
            "package_not_ready", "The package is not ready: look at the DSR's state.", retry_after=60
        ) from None
    except (packages.PackageGone, Shredded):
        raise Gone("package_gone", "The package was shredded when the retention of the DSR ended.") from None
    return StreamingResponse(
        content,
        media_type=found.info.media_type,
        headers={
            "Content-Length": str(found.info.size),
            "Content-Disposition": f'attachment; filename="dsr-{dsr_id}.zip"',
            "Repr-Digest": accepting.repr_digest(found.info.sha256),
        },
    )


async def _begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Read the first piece before the answer begins, so that a refusal can still be told."""
    first = await anext(content, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in content:
            yield piece

    return whole()
