"""Endpoints by which people act on a case. Every act is on record with the name in the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends

from breach_notifier.application.acts import Person, numbered
from breach_notifier.domain import events as e
from breach_notifier.domain.drafting import to_value
from breach_notifier.domain.errors import Refused
from breach_notifier.entrypoints import schemas as s
from breach_notifier.entrypoints.refusing import answered
from lethe_chassis import Principal, require_scope
from lethe_law.breach.authorities import authorities
from lethe_law.breach.errors import BreachError
from lethe_law.breach.exemptions import Evidence
from lethe_law.breach.facts import facts_of
from lethe_law.breach.severity import inputs_of, severity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from breach_notifier.application.acts import Done, Making
    from breach_notifier.domain.case import Case
    from breach_notifier.entrypoints.parts import Parts
    from lethe_law.breach.facts import BreachFacts
    from lethe_law.breach.template import Value

    _Act = Callable[[Principal, UUID, Making], Awaitable[s.Acted]]

Actor = Annotated[Principal, Depends(require_scope("breach:act"))]


def _person(principal: Principal) -> Person:
    return Person(principal.subject, principal.controller_ids)


def acted(done: Done) -> s.Acted:
    case = done.case
    return s.Acted(
        case_id=case.id,
        state=case.state,
        version=case.version,
        applied=done.applied,
        detail=done.detail,
        due=None if case.clock is None else case.clock.due,
    )


def acting_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/breaches/{case_id}", tags=["acts"])

    async def act(who: Principal, case_id: UUID, make: Making) -> s.Acted:
        return acted(await answered(parts().acts.act(_person(who), case_id, make)))

    @router.post("/aware", summary="Declare that the controller is aware: starts the 72 hours")
    async def aware(case_id: UUID, body: s.Aware, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.AwarenessDeclared(at, who.subject, body.aware_at, body.reason))

    @router.post("/facts", summary="State all that is known now; the rules propose answers")
    async def facts(case_id: UUID, body: s.Facts, who: Actor) -> s.Acted:
        stated, score = await answered(_weighed(body))

        def make(at: datetime, case: Case) -> e.FactsStated:
            return e.FactsStated(at, who.subject, stated, *(score or (case.severity, case.scored)))

        return await act(who, case_id, make)

    @router.post("/decision", summary="Decide whom to tell; a no waits for a second person")
    async def decide(case_id: UUID, body: s.Decision, who: Actor) -> s.Acted:
        await answered(_known(body.authorities))
        told = tuple(body.authorities)
        answers = (body.notify_authority, body.notify_subjects, body.reasons, told)
        return await act(who, case_id, lambda at, _: e.DecisionTaken(at, who.subject, *answers))

    @router.post("/decision/confirm", summary="Confirm another person's no")
    async def confirm(case_id: UUID, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.DecisionConfirmed(at, who.subject))

    @router.post("/counted", summary="Record how many people are concerned, as somebody counted them")
    async def counted(case_id: UUID, body: s.Counting, who: Actor) -> s.Acted:
        found = (body.lower, body.upper, body.proof_sha256)
        return await act(who, case_id, lambda at, _: e.AffectedCounted(at, who.subject, *found))

    @router.post("/merge", summary="The same incident as another case: this one goes on in that one")
    async def merge(case_id: UUID, body: s.Merging, who: Actor) -> s.Acted:
        return acted(await answered(parts().joining.merge(_person(who), case_id, body.into, body.reason)))

    @router.post("/relate", summary="Another case that readers of this one should know of")
    async def relate(case_id: UUID, body: s.Relating, who: Actor) -> s.Acted:
        return acted(await answered(parts().joining.relate(_person(who), case_id, body.other, body.reason)))

    _subjects(router, act)
    _ending(router, act)
    return router


def _subjects(router: APIRouter, act: _Act) -> None:
    @router.post("/exemption", summary="Claim that data subjects need not be told (Art. 34(3)), with evidence")
    async def exempt(case_id: UUID, body: s.Exempt, who: Actor) -> s.Acted:
        evidence = tuple(Evidence(x.proof, x.reference, x.sha256) for x in body.evidence)
        return await act(who, case_id, lambda at, _: e.ExemptionClaimed(at, who.subject, body.exemption, evidence))

    @router.post("/exemption/confirm", summary="Confirm another person's exemption")
    async def exempted(case_id: UUID, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.ExemptionConfirmed(at, who.subject))

    @router.post("/controller-told", summary="Record that a processor told its controller (Art. 33(2))")
    async def controller_told(case_id: UUID, body: s.Told, who: Actor) -> s.Acted:
        return await act(
            who, case_id, lambda at, _: e.ControllerTold(at, who.subject, body.reference, body.copy_sha256)
        )

    @router.post("/subjects-told", summary="Record that letters went out to data subjects (Art. 34)")
    async def subjects_told(case_id: UUID, body: s.Letters, who: Actor) -> s.Acted:
        return await act(
            who,
            case_id,
            lambda at, _: e.SubjectsTold(at, who.subject, body.told, body.undelivered, body.proof_sha256),
        )

    @router.post("/order", summary="Record that an authority orders to tell data subjects (Art. 34(4))")
    async def order(case_id: UUID, body: s.Order, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.SubjectsOrdered(at, who.subject, body.authority, body.reference))


def _ending(router: APIRouter, act: _Act) -> None:
    @router.post("/dismissal", summary="Propose that this is no personal data breach")
    async def dismiss(case_id: UUID, body: s.Reason, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.DismissalProposed(at, who.subject, body.reason))

    @router.post("/dismissal/confirm", summary="Confirm another person's dismissal")
    async def dismissed(case_id: UUID, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.DismissalConfirmed(at, who.subject))

    @router.post("/recurrence", summary="It happened again: a new clock, everything is decided anew")
    async def recur(case_id: UUID, body: s.Aware, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.BreachRecurred(at, who.subject, body.aware_at, body.reason))

    @router.post("/close", summary="Close: effects and measures are documented (Art. 33(5))")
    async def close(case_id: UUID, body: s.Closing, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.CaseClosed(at, who.subject, body.effects, body.measures))

    @router.post("/reopen", summary="Open a dismissed or closed case again")
    async def reopen(case_id: UUID, body: s.Reason, who: Actor) -> s.Acted:
        return await act(who, case_id, lambda at, _: e.CaseReopened(at, who.subject, body.reason))


def paper_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/breaches/{case_id}/notices", tags=["notices"])

    @router.post("", summary="Draft the next version of the notice, filled from the case", status_code=201)
    async def draft(case_id: UUID, body: s.Draft, who: Actor) -> s.Drafted:
        given = await answered(_given(body))
        done = await answered(parts().acts.draft(_person(who), case_id, given))
        notice = done.case.notices[-1]
        found = await parts().reading.versions(case_id, who.controller_ids)
        assert found is not None, "it was written just now"
        content = found[1][notice.number - 1].content
        return s.Drafted(
            **acted(done).model_dump(),
            number=notice.number,
            sha256=notice.sha256,
            status=notice.status.value,
            gaps=list(content.gaps),
            unfilable=list(content.unfilable),
        )

    @router.post("/{number}/sign", summary="Sign off a version that another person drafted")
    async def sign(case_id: UUID, number: int, who: Actor) -> s.Acted:
        return acted(await answered(parts().acts.sign(_person(who), case_id, number)))

    @router.post("/{number}/file", summary="Record that a signed version was filed, with reference and copy")
    async def file(case_id: UUID, number: int, body: s.Filing, who: Actor) -> s.Acted:
        make: Making = lambda at, case: e.NoticeFiled(  # noqa: E731 - it is an argument with a type
            at,
            who.subject,
            numbered(case, number).sha256,
            body.authority,
            body.reference,
            body.filed_at,
            body.copy_sha256,
            body.reasons_for_delay,
        )
        return acted(await answered(parts().acts.act(_person(who), case_id, make)))

    return router


async def _weighed(body: s.Facts) -> tuple[BreachFacts, tuple[str, tuple[str, ...]] | None]:
    """Facts, and the score with what it was computed of. Raises Refused."""
    try:
        stated = facts_of(body.facts)
    except BreachError as error:
        raise Refused("impossible_facts", str(error)) from None
    if body.severity is None:
        return stated, None
    given = body.severity.model_dump(exclude={"reason"})
    try:
        found = severity(inputs_of(given))
    except BreachError as error:
        raise Refused("impossible_severity", str(error)) from None
    why = (f"because {body.severity.reason}",) if body.severity.reason else ()
    return stated, (f"{found.text} {found.band.value}", (*(f"{name}={value}" for name, value in given.items()), *why))


async def _known(codes: list[str]) -> None:
    unknown = [code for code in codes if code not in authorities()]
    if unknown:
        raise Refused("unknown_authority", f"codes of authorities are {', '.join(sorted(authorities()))}")


async def _given(body: s.Draft) -> dict[int, Value | None]:
    return {int(n): None if v is None else to_value(int(n), v) for n, v in body.fields.items()}
