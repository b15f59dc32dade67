"""`lethe dsr send-code`, `verify`, `verified-by-hand`: finding out who asks."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lethe_client.cli import dsrs
from lethe_client.cli.output import Json, print_json

if TYPE_CHECKING:
    from lethe_client.models import CodeWanted, Verified


class CodeChannel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class Manner(StrEnum):
    CALLED_BACK = "called_back"
    KNOWN_IN_PERSON = "known_in_person"
    QUESTIONS_ANSWERED = "questions_answered"
    MANDATE_SEEN = "mandate_seen"
    DOCUMENT_SEEN = "document_seen"


def send_code(
    dsr_id: dsrs.Id,
    channel: Annotated[CodeChannel, typer.Option(help="Which sealed identifier it goes to.")] = CodeChannel.EMAIL,
    language: Annotated[str, typer.Option(help="Of the letter: en, de, fr, es, it, nl, pl.")] = "en",
    as_json: Json = False,
) -> None:
    """Send a code to the person whose identity is in doubt; whether one was sent is not told."""

    async def act() -> CodeWanted:
        async with dsrs.client() as intake:
            return await intake.send_code(dsr_id, channel.value, language)

    wanted = asyncio.run(act())
    if as_json:
        print_json(wanted)
    else:
        print(f"if {dsr_id} is in doubt, a code is on its way; it is valid for {wanted.valid_for_s // 60} minutes")


def verify(
    dsr_id: dsrs.Id,
    code: Annotated[str, typer.Argument(help="As the person read it out.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Give the code that the person received."""

    async def act() -> Verified:
        async with dsrs.client() as intake:
            return await intake.verify(dsr_id, code)

    _say(asyncio.run(act()), as_json=as_json)


def verified_by_hand(
    dsr_id: dsrs.Id,
    manner: Annotated[Manner, typer.Option(help="How you made sure. Keep no copy of a document.")],
    mandate: Annotated[str | None, typer.Option(help="With mandate_seen: the reference it is kept under.")] = None,
    sensitive: Annotated[bool, typer.Option(help="A wrong answer would reveal sensitive data.")] = False,
    as_json: Json = False,
) -> None:
    """Record that you made sure who asks; the token says who you are."""

    async def act() -> Verified:
        async with dsrs.client() as intake:
            return await intake.verified_by_hand(dsr_id, manner.value, mandate=mandate, sensitive=sensitive)

    _say(asyncio.run(act()), as_json=as_json)


def _say(verified: Verified, *, as_json: bool) -> None:
    if as_json:
        print_json(verified)
    else:
        print(f"{verified.dsr_id}: {verified.status}" + (f" ({verified.method})" if verified.method else ""))


def add_to(app: typer.Typer) -> None:
    """The commands, among those about requests."""
    for name, command in (("send-code", send_code), ("verify", verify), ("verified-by-hand", verified_by_hand)):
        app.command(name)(command)
