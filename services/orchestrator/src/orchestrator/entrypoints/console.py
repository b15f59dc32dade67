"""The status page: open sagas by deadline, one saga's story, incidents, the register. Server-rendered, no script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from lethe_chassis.console import SignIn, html_page
from lethe_events.words import SagaState
from orchestrator.application.acts import Person
from orchestrator.application.views import Filter
from orchestrator.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from lethe_chassis import Principal
    from orchestrator.entrypoints.parts import Parts

_PAGE: Final = 50


class Console:
    """Renders what `Reading` tells. `clock` is for "days left" only: what is decided comes from the database."""

    def __init__(self, parts: Callable[[], Parts], clock: Callable[[], datetime]) -> None:
        self._parts = parts
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("orchestrator.entrypoints"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters["when"] = _when
        self._templates.filters["words"] = lambda text: str(text).replace("_", " ")

    async def list(self, principal: Principal, wanted: dict[str, str]) -> Response:
        filter_ = Filter(
            controllers=sorted(principal.controller_ids),
            state=wanted.get("state"),
            processor=wanted.get("processor"),
            incident=wanted.get("incident") == "yes",
            after=wanted.get("after"),
            limit=_PAGE,
        )
        try:
            rows, following = await self._parts().reading.page(filter_)
        except ValueError:
            return RedirectResponse("/console", 303)
        next_ = "?" + urlencode({**wanted, "after": following}) if following else None
        return self._page("list.html", rows=rows, next=next_, wanted=wanted, states=[s.value for s in SagaState])

    async def saga(self, principal: Principal, dsr_id: UUID, said: str = "") -> Response:
        found = await self._parts().reading.saga(dsr_id, principal.controller_ids)
        if found is None:
            return self._page("missing.html", status=404)
        return self._page("saga.html", saga=found, may_act="saga:act" in principal.scopes, said=said)

    async def incidents(self, principal: Principal, after: str | None) -> Response:
        try:
            rows, following = await self._parts().reading.incidents(
                sorted(principal.controller_ids), after=after, limit=_PAGE
            )
        except ValueError:
            return RedirectResponse("/console/incidents", 303)
        next_ = "?" + urlencode({"after": following}) if following else None
        return self._page("incidents.html", rows=rows, next=next_)

    async def holds(self, principal: Principal) -> Response:
        mine, rows = sorted(principal.controller_ids), self._parts().holds.rows
        held = await rows.page(mine, matter=None, lifted=True, hold_id=None, limit=_PAGE)
        return self._page("holds.html", holds=held, kept=await rows.kept(mine, None, _PAGE))

    async def register(self, principal: Principal) -> Response:
        return self._page("register.html", register=await self._parts().proofs.register(principal.controller_ids))

    def sign_in(self, said: str, status: int = 200) -> Response:
        return self._page("sign_in.html", status=status, said=said)

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(now=self._clock(), **values)
        return html_page(text, status)


def console_router(parts: Callable[[], Parts], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> APIRouter:
    """Pages below /console; they are not part of the API document."""
    router = APIRouter(prefix="/console", include_in_schema=False)
    console = Console(parts, clock)
    sign_in = SignIn("saga:read", console.sign_in)
    sign_in.add_to(router)

    @router.get("")
    async def sagas(
        request: Request,
        state: SagaState | None = None,
        processor: Annotated[str | None, Query(max_length=64)] = None,
        incident: Annotated[str | None, Query(pattern="^yes$")] = None,
        after: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Response:
        named = {"state": state and state.value, "processor": processor, "incident": incident, "after": after}
        wanted = {name: value for name, value in named.items() if value}
        return await sign_in.seen(request, lambda who: console.list(who, wanted))

    @router.get("/sagas/{dsr_id}")
    async def saga(request: Request, dsr_id: UUID) -> Response:
        return await sign_in.seen(request, lambda who: console.saga(who, dsr_id))

    @router.post("/sagas/{dsr_id}/tasks/{task_id}/retry")
    async def retry(request: Request, dsr_id: UUID, task_id: UUID) -> Response:
        async def act(who: Principal) -> Response:
            who.require_scopes("saga:act")
            try:
                await parts().acts.retry(Person(who.subject, who.controller_ids), dsr_id, task_id)
            except Refused as refused:
                return await console.saga(who, dsr_id, said=refused.detail)
            return RedirectResponse(f"/console/sagas/{dsr_id}", 303)

        return await sign_in.seen(request, act)

    @router.get("/incidents")
    async def incidents(request: Request, after: Annotated[str | None, Query(max_length=100)] = None) -> Response:
        return await sign_in.seen(request, lambda who: console.incidents(who, after))

    @router.get("/holds")
    async def holds(request: Request) -> Response:
        return await sign_in.seen(request, console.holds)

    @router.get("/register")
    async def register(request: Request) -> Response:
        return await sign_in.seen(request, console.register)

    return router


def _when(value: str | None, now: datetime) -> str:
    """A date with how far away it is, in days or hours."""
    if value is None:
        return "–"
    at = datetime.fromisoformat(value)
    hours = (at - now).total_seconds() / 3600
    away = f"{abs(hours) / 24:.0f} days" if abs(hours) >= 48 else f"{abs(hours):.1f} hours"  # noqa: PLR2004
    return f"{at:%Y-%m-%d %H:%M} UTC ({'in ' + away if hours >= 0 else away + ' ago'})"
