"""The status page: open cases by hours left, one case's story. Server-rendered, no script."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from breach_notifier.application.views import Filter
from breach_notifier.domain.words import State
from breach_notifier.entrypoints import pages
from breach_notifier.entrypoints.pdf import notice_pdf
from lethe_chassis.console import SignIn, html_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from breach_notifier.application.views import Version
    from breach_notifier.entrypoints.parts import Parts
    from lethe_chassis import Principal

_PAGE: Final = 50
NEXT: Final[Mapping[str, str]] = {
    State.SUSPECTED: "look at it: declare awareness, or have it dismissed by two",
    State.AWARE: "state the facts and decide whom to tell",
    State.ASSESSED: "draft, sign off and file the notice",
    State.NOTIFIED: "complete what was filed, and tell data subjects",
    State.SETTLED: "close it with effects and measures",
}
"""What a list tells of a case that has no alert; the case itself tells more."""


def console_router(parts: Callable[[], Parts], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> APIRouter:
    """Pages below /console; they are not part of the API document. `clock`: for the hours left only."""
    router = APIRouter(prefix="/console", include_in_schema=False)
    sign_in = SignIn("breach:read", lambda said, status: _page("sign_in.html", clock, status, said=said))
    sign_in.add_to(router)

    @router.get("")
    async def cases(
        request: Request, state: State | None = None, after: Annotated[str | None, Query(max_length=100)] = None
    ) -> Response:
        async def show(who: Principal) -> Response:
            named = None if state is None else state.value
            try:
                rows, following = await parts().reading.page(Filter(sorted(who.controller_ids), named, after, _PAGE))
            except ValueError:
                return RedirectResponse("/console", 303)
            more = {"state": named, "after": following}
            next_ = "?" + urlencode({k: v for k, v in more.items() if v}) if following else None
            return _page(
                "list.html", clock, rows=rows, next=next_, steps=NEXT, state=named, states=[x.value for x in State]
            )

        return await sign_in.seen(request, show)

    @router.get("/breaches/{case_id}")
    async def case(request: Request, case_id: UUID) -> Response:
        async def show(who: Principal) -> Response:
            found = await parts().reading.case(case_id, who.controller_ids)
            if found is None:
                return _page("missing.html", clock, status=404)
            return _page("case.html", clock, case=found)

        return await sign_in.seen(request, show)

    _papers(router, parts, clock, sign_in)
    return router


def _papers(router: APIRouter, parts: Callable[[], Parts], clock: Callable[[], datetime], sign_in: SignIn) -> None:
    async def seen(request: Request, case_id: UUID, number: int, answer: Callable[[Version], Any]) -> Response:
        async def show(who: Principal) -> Response:
            found = await parts().reading.versions(case_id, who.controller_ids)
            one = next((v for v in found[1] if v.number == number), None) if found else None
            shown: Response = _page("missing.html", clock, status=404) if one is None else await answer(one)
            return shown

        return await sign_in.seen(request, show)

    @router.get("/breaches/{case_id}/notices/{number}")
    async def notice(request: Request, case_id: UUID, number: int) -> Response:
        async def answer(version: Version) -> Response:
            return html_page(pages.notice(case_id, version))

        return await seen(request, case_id, number, answer)

    @router.get("/breaches/{case_id}/notices/{number}/pdf")
    async def pdf(request: Request, case_id: UUID, number: int) -> Response:
        async def answer(version: Version) -> Response:
            return pages.pdf(await asyncio.to_thread(notice_pdf, case_id, version), f"notice-{case_id}-{number}")

        return await seen(request, case_id, number, answer)


def _page(template: str, clock: Callable[[], datetime], status: int = 200, **values: Any) -> Response:
    now = clock()
    return html_page(pages.render(template, now=now, when=lambda at: _when(at, now), left=_left(now), **values), status)


def _when(value: str | None, now: datetime) -> str:
    """An instant with how far away it is, in hours: nobody thinks in days about 72 of them."""
    if value is None:
        return "–"
    at = datetime.fromisoformat(value)
    hours = (at - now).total_seconds() / 3600
    away = f"in {hours:.1f} hours" if hours >= 0 else f"{-hours:.1f} hours ago"
    return f"{at:%Y-%m-%d %H:%M} UTC ({away})"


def _left(now: datetime) -> Callable[[dict[str, Any]], str]:
    """Hours that a case has left, while its clock runs."""

    def left(row: dict[str, Any]) -> str:
        if row["due"] is None:
            return "no clock runs"
        if row["state"] not in {"aware", "assessed"}:
            return "told"
        hours = (datetime.fromisoformat(row["due"]) - now).total_seconds() / 3600
        return f"{hours:.1f} hours" if hours >= 0 else f"overdue by {-hours:.1f} hours"

    return left
