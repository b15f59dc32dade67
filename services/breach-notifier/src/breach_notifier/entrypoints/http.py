"""The HTTP API of the breach notifier: the team that is woken at night, and whoever checks what was done."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends, FastAPI, Query
from starlette.responses import Response

from breach_notifier.application.views import Filter
from breach_notifier.entrypoints import pages
from breach_notifier.entrypoints.acting_http import acting_router, paper_router
from breach_notifier.entrypoints.console import console_router
from breach_notifier.entrypoints.letters_http import letters_router
from breach_notifier.entrypoints.pdf import notice_pdf
from breach_notifier.entrypoints.people_http import people_router
from breach_notifier.entrypoints.refusing import NO_CASE
from breach_notifier.entrypoints.schemas import CasePage, CaseQuery, Chain, Difference, Notice, ShownCase
from lethe_chassis import (
    BodyRule,
    FieldError,
    Invalid,
    NotFound,
    Principal,
    create_app,
    operations_router,
    require_scope,
)
from lethe_chassis.console import html_page
from lethe_law.breach.notification import difference
from lethe_messaging import OperationRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from breach_notifier.application.views import Version
    from breach_notifier.entrypoints.parts import Parts
    from lethe_chassis import Authenticator, HealthChecks

VERSION = "1.0.0"
_FORMS = BodyRule(media_types=frozenset({"application/x-www-form-urlencoded"}))
_DESCRIPTION = (
    "Cases of personal data breaches: from a suspicion to the last notice, within 72 hours. "
    "A token sees the cases of its own controllers only. Errors are problem documents (RFC 9457)."
)
Reader = Annotated[Principal, Depends(require_scope("breach:read"))]


def build_app(
    parts: Callable[[], Parts],
    *,
    auth: Authenticator | None,
    health: HealthChecks,
    unavailable: Callable[[BaseException], bool],
    registry: CollectorRegistry,
) -> FastAPI:
    """`parts` is asked when a call comes, so that the API document can be had without engines."""
    app = create_app(
        title="Lethe breach notifier",
        version=VERSION,
        description=_DESCRIPTION,
        auth=auth,
        health=health,
        unavailable=unavailable,
        body_rules={"/console": _FORMS},
        registry=registry,
    )
    app.include_router(_reading(parts))
    app.include_router(_papers(parts))
    app.include_router(acting_router(parts))
    app.include_router(paper_router(parts))
    app.include_router(people_router(parts))
    app.include_router(letters_router(parts))
    app.include_router(operations_router(lambda: parts().operations, OperationRefused))
    app.include_router(console_router(parts))
    return app


def _wanted(principal: Principal, controller: str | None) -> list[str]:
    """Raises Forbidden for a controller that the token does not name: an empty list would look like an all-clear."""
    if controller is None:
        return sorted(principal.controller_ids)
    principal.require_controller(controller)
    return [controller]


def _reading(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["cases"])

    @router.get("/breaches", summary="Cases by hours left, open ones unless a state is given")
    async def page(principal: Reader, query: Annotated[CaseQuery, Query()]) -> CasePage:
        mine = _wanted(principal, query.controller)
        state = None if query.state is None else query.state.value
        try:
            items, following = await parts().reading.page(Filter(mine, state, query.after, query.limit))
        except ValueError:
            raise Invalid([FieldError("query.after", "is not a place in this list", "use `next` of a page")]) from None
        now = datetime.now(UTC)
        return CasePage.model_validate({"items": [with_hours(i, now) for i in items], "next": following})

    @router.get("/breaches/{case_id}", summary="One case: what is known, decided, told and missing; its timeline")
    async def find(case_id: UUID, principal: Reader) -> ShownCase:
        found = await parts().reading.case(case_id, principal.controller_ids)
        if found is None:
            raise NotFound(NO_CASE)
        return ShownCase.model_validate(with_hours(found, datetime.now(UTC)))

    @router.get("/breaches/{case_id}/events", summary="The documentation of a case as a hash chain (Art. 33(5))")
    async def events(case_id: UUID, principal: Reader) -> Chain:
        links = await parts().reading.links(case_id, principal.controller_ids)
        if links is None:
            raise NotFound(NO_CASE)
        return Chain.model_validate({"case_id": case_id, "links": links})

    @router.get("/register/{year}", summary="The register of breaches of a year (Art. 33(5))", **_TABLE)
    async def register(
        year: int,
        principal: Reader,
        controller: Annotated[str, Query(max_length=64)],
        form: Annotated[str, Query(pattern="^(csv|html)$")] = "csv",
    ) -> Response:
        if not 2000 <= year <= 2999:  # noqa: PLR2004 - years that can be meant
            raise Invalid([FieldError("path.year", "is not a year", "four digits, from 2000 on")])
        principal.require_controller(controller)
        rows = await parts().reading.year(controller, year)
        if form == "html":
            return html_page(pages.register(controller, year, rows))
        name = f'attachment; filename="breaches-{controller}-{year}.csv"'
        return Response(pages.as_csv(rows), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})

    return router


_TABLE: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "One row per case, dismissed ones too",
            "content": {"text/csv": {"schema": {"type": "string"}}, "text/html": {"schema": {"type": "string"}}},
        }
    },
}
_PDF: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"description": "A PDF", "content": {"application/pdf": {"schema": {"type": "string"}}}}},
}
_PAGE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}},
}


def _papers(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/breaches/{case_id}/notices", tags=["notices"])

    async def version(case_id: UUID, number: int, principal: Principal) -> tuple[Version, list[Version]]:
        found = await parts().reading.versions(case_id, principal.controller_ids)
        if found is None:
            raise NotFound(NO_CASE)
        one = next((v for v in found[1] if v.number == number), None)
        if one is None:
            raise NotFound("The case has no notice of this number.", type_="unknown_notice")
        return one, found[1]

    @router.get("/{number}", summary="A version of the notice to authorities")
    async def notice(case_id: UUID, number: int, principal: Reader) -> Notice:
        one, _ = await version(case_id, number, principal)
        return Notice(
            number=one.number,
            sha256=one.sha256,
            drafted_at=datetime.fromisoformat(one.drafted_at),
            drafted_by=one.drafted_by,
            content=json.loads(one.text),
        )

    @router.get("/{number}/page", summary="The same to be read by people, with its gaps", **_PAGE)
    async def page(case_id: UUID, number: int, principal: Reader) -> Response:
        one, _ = await version(case_id, number, principal)
        return html_page(pages.notice(case_id, one))

    @router.get("/{number}/pdf", summary="The same as PDF: one version, always the same bytes", **_PDF)
    async def pdf(case_id: UUID, number: int, principal: Reader) -> Response:
        one, _ = await version(case_id, number, principal)
        return pages.pdf(await asyncio.to_thread(notice_pdf, case_id, one), f"notice-{case_id}-{number}")

    @router.get("/{number}/changes", summary="How it differs from an earlier version")
    async def changes(
        case_id: UUID, number: int, principal: Reader, since: Annotated[int, Query(ge=1)] = 1
    ) -> Difference:
        one, every = await version(case_id, number, principal)
        before = next((v for v in every if v.number == since), None)
        if before is None:
            raise NotFound("The case has no notice of this number.", type_="unknown_notice")
        found = difference(before.content.answers, one.content.answers)
        return Difference(added=list(found.added), removed=list(found.removed), changed=list(found.changed))

    return router


def with_hours(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A row with the hours that are left now, while a clock runs."""
    runs = row["due"] is not None and row["state"] in {"aware", "assessed"}
    left = (datetime.fromisoformat(row["due"]) - now).total_seconds() / 3600 if runs else None
    return {**row, "hours_left": None if left is None else round(left, 2)}
