"""The HTTP of the export worker: where Kafka-native processors bring their parts."""

# Annotations are real objects here, because FastAPI reads them.
import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from export_worker.application.uploading import Uploading
from export_worker.domain.binding import is_export_task_of
from export_worker.domain.errors import BadPart, Shredded
from export_worker.entrypoints.uploads import JSON, LINES, pieces_of
from lethe_chassis import (
    BodyRule,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Principal,
    Unavailable,
    require_scope,
)
from lethe_processors.register import Register

AT_ONCE = 16
"""Uploads that one process takes at the same time; each may hold a few MiB."""


class StoredPart(BaseModel):
    """Where the part lies, sealed; goes into the acknowledgement as it is."""

    document_id: UUID
    sha256: str
    size: int
    records: int
    masked: int


def body_rules(max_bytes: int) -> Mapping[str, BodyRule]:
    return {"/v1/parts/": BodyRule(max_bytes, frozenset({JSON, LINES}))}


def parts_api(uploading: Uploading, register: Callable[[], Register]) -> APIRouter:
    """`PUT /v1/parts/{task_id}`: the token's processor brings the part of its own export task."""
    api = APIRouter()
    free = asyncio.Semaphore(AT_ONCE)

    @api.put("/v1/parts/{task_id}", summary="Bring the part of an export task")
    async def put_part(
        task_id: UUID,
        dsr_id: UUID,
        request: Request,
        principal: Annotated[Principal, Depends(require_scope("part:write"))],
    ) -> StoredPart:
        processor_id = _native(principal, register())
        if not is_export_task_of(task_id, dsr_id, processor_id):
            raise NotFound("This is no export task of your processor for this dsr_id: take both from the task.")
        if free.locked():
            raise Unavailable("too_many_uploads", "Too many uploads are under way: try again.", retry_after=2)
        async with free:
            return await _take(uploading, task_id, dsr_id, processor_id, request)

    return api


async def _take(uploading: Uploading, task_id: UUID, dsr_id: UUID, processor_id: str, request: Request) -> StoredPart:
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    try:
        part = await uploading.take(task_id, dsr_id, processor_id, pieces_of(media_type, request.stream()))
    except BadPart as error:
        raise Invalid([FieldError("body", error.detail, "correct it and send the whole part again")]) from error
    except Shredded as error:
        raise Gone("dsr_gone", "Nothing can be stored for this dsr_id any more; the part is not needed.") from error
    return StoredPart(
        document_id=part.document_id, sha256=part.sha256, size=part.size, records=part.records, masked=part.masked
    )


def _native(principal: Principal, register: Register) -> str:
    """The Kafka-native processor that the token is bound to. Raises Forbidden."""
    processor = register.processors.get(principal.processor_id or "")
    if processor is None or processor.connector.kind != "kafka":
        raise Forbidden(
            "no_native_processor",
            "The token is not bound to a Kafka-native processor of the register: ask for one with processor_id.",
        )
    if principal.controller_ids.isdisjoint(processor.controllers):
        raise Forbidden("foreign_controller", "The token names no controller whose data this processor holds.")
    return processor.id
