"""Endpoints about letters to data subjects (Art. 34): ordered, seen, settled; the public text in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends

from breach_notifier.application.acts import Person
from breach_notifier.domain.letters import Content, Said
from breach_notifier.entrypoints import people_schemas as s
from breach_notifier.entrypoints.people_http import people, theirs
from breach_notifier.entrypoints.refusing import answered
from lethe_chassis import Conflict, FieldError, Invalid, Principal, require_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from breach_notifier.application.views import LetterReading
    from breach_notifier.entrypoints.parts import Parts

Actor = Annotated[Principal, Depends(require_scope("breach:act"))]
Reader = Annotated[Principal, Depends(require_scope("breach:read"))]


def letters_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/breaches/{case_id}", tags=["letters"])

    @router.post("/letters", summary="Write to the people concerned, each once", status_code=202)
    async def order(case_id: UUID, body: s.Mailing, who: Actor) -> s.Asked:
        _mail(parts())
        content = _content(body, possible=body.possible)
        number = await answered(people(parts()).mailings.order(_person(who), case_id, content))
        return s.Asked(case_id=case_id, number=number)

    @router.get("/letters", summary="What became of the letters: numbers, never to whom")
    async def shown(case_id: UUID, who: Reader) -> s.LettersShown:
        await theirs(parts(), case_id, who)
        return s.LettersShown.model_validate({"case_id": case_id, **await _mail(parts()).mailings(case_id)})

    @router.post("/letters/doubts", summary="Decide on letters that may have been accepted")
    async def settle(case_id: UUID, body: s.Doubt, who: Actor) -> s.Settled:
        await theirs(parts(), case_id, who)
        reason = f"{who.subject}: {body.reason}"
        settled = await _mail(parts()).settle(case_id, send_again=body.send_again, reason=reason)
        return s.Settled(letters=settled)

    @router.post("/public-text", summary="The public communication in place of letters (Art. 34(3)(c))")
    async def public(case_id: UUID, body: s.Public, who: Actor) -> s.Published:
        content = _content(body, possible=True)
        found = await answered(people(parts()).mailings.public(_person(who), case_id, content, body.affected))
        texts = {k: s.Rendered(subject=w.subject, text=w.text, html=w.html) for k, w in found.items()}
        return s.Published(texts=texts)

    return router


def _person(who: Principal) -> Person:
    return Person(who.subject, who.controller_ids)


def _mail(parts: Parts) -> LetterReading:
    if parts.letters is None:
        raise Conflict("no_mail", "nobody can be written to: set LETHE_SMTP_HOST and LETHE_VAULT_KEYS of this service")
    return parts.letters


def _content(body: s.Texts, *, possible: bool) -> Content:
    if body.default not in body.said:
        raise Invalid([FieldError("default", "is not written", "write what the letter says in this language too")])
    said = {
        language: Said(
            one.nature, tuple(one.categories), tuple(one.consequences), tuple(one.measures), tuple(one.advice)
        )
        for language, one in body.said.items()
    }
    return Content(said, body.default, possible)
