"""Endpoints for letters to the data subject: which went out, in which language, when, and the proof of it."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from intake.application.ports import Correspondence
from intake.entrypoints.showing import NO_DSR
from lethe_chassis import NotFound, Principal, require_scope
from lethe_letters import Language

Reader = Annotated[Principal, Depends(require_scope("dsr:read"))]


class Letter(BaseModel):
    """One letter. The address that it went to is never shown."""

    letter_id: UUID
    kind: str = Field(examples=["extension"])
    language: str | None = Field(description="Left out: that of the controller, or of the code's request")
    channel: str = Field(description="letter: by e-mail; email, sms: a code", examples=["letter"])
    state: str = Field(description="queued, claimed, sending, sent, bounced, failed, uncertain", examples=["sent"])
    asked_at: datetime
    changed_at: datetime = Field(description="Of a letter that was sent: when the recipient's server accepted it")
    attempts: int
    repeats: int = Field(description="Times that it was sent again although it may have been accepted")
    message_id: str | None
    sha256: str | None = Field(description="Of the message as it was handed over")
    reply: str | None = Field(description="What the server said, without addresses; or why nothing was sent")
    text: str | None = Field(description="Where its text can be read", examples=["/v1/dsrs/…/letters/…"])


class LetterList(BaseModel):
    items: list[Letter]


class LetterText(BaseModel):
    """The letter as it was written, or in another language; without the person's name and address."""

    letter_id: UUID
    kind: str
    language: Language
    subject: str
    text: str
    html: str


def letters_router(correspondence: Callable[[], Correspondence]) -> APIRouter:
    router = APIRouter(prefix="/v1/dsrs/{dsr_id}/letters", tags=["letters"])

    @router.get("", summary="Letters to the data subject, with what became of each")
    async def page(dsr_id: UUID, principal: Reader) -> LetterList:
        rows = await correspondence().of_dsr(dsr_id, principal.controller_ids)
        if rows is None:
            raise NotFound(NO_DSR)
        items = [
            Letter(
                letter_id=row["letter_id"],
                kind=row["kind"],
                language=row["language"],
                channel=row["channel"],
                state=row["state"],
                asked_at=row["queued_at"],
                changed_at=row["changed_at"],
                attempts=row["attempts"],
                repeats=row["repeats"],
                message_id=row["message_id"],
                sha256=row["content_sha256"],
                reply=row["reply"],
                text=f"/v1/dsrs/{dsr_id}/letters/{row['letter_id']}" if row["kept"] else None,
            )
            for row in rows
        ]
        return LetterList(items=items)

    @router.get("/{letter_id}", summary="The text of one letter, also in another language")
    async def text(
        dsr_id: UUID,
        letter_id: UUID,
        principal: Reader,
        language: Annotated[Language | None, Query(description="Left out: the one it was written in")] = None,
    ) -> LetterText:
        found = await correspondence().text(dsr_id, letter_id, principal.controller_ids, language)
        if found is None:
            raise NotFound("There is no such letter of this DSR, or it is not yours to see.", type_="no_letter")
        return LetterText.model_validate(found)

    return router
