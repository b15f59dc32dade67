"""Calls of on-call by e-mail. Nothing about the people affected, only that a case is there and how much time it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid5

from breach_notifier.adapters.calls import severity, summary
from breach_notifier.application.ports import CallRefused
from lethe_delivery import Mail, Outgoing, Verdict

if TYPE_CHECKING:
    from breach_notifier.adapters.calls import Receiver
    from breach_notifier.application.ports import DueCall
    from lethe_delivery import Mailer

_TEXT = """{summary}

Case       {case}
Controller {controller}
State      {state}
Severity   {severity}

What is known, what is missing and how many hours are left:
lethe breach show {case}

This message was written by a program and holds no personal data of the people affected.
"""


class MailPager:
    """A call keeps its Message-ID, so that one that is repeated after a doubt is the same message once more."""

    def __init__(self, mailer: Mailer, sender: str) -> None:
        self._mailer = mailer
        self._sender = sender
        self._one_at_a_time = asyncio.Lock()

    async def call(self, receiver: Receiver, call: DueCall) -> None:
        """Raises CallRefused; never for good, because a page that reached nobody has to stay visible."""
        said = summary(call)
        text = _TEXT.format(
            summary=said,
            case=call.case_id,
            controller=call.controller_id,
            state=call.state,
            severity="nobody has to come any more" if call.resolves else severity(call),
        )
        subject = f"Resolved: {said}" if call.resolves else said
        mail = Mail(to=receiver.to, sender=self._sender, subject=subject, text=text)
        letter = Outgoing(id=uuid5(call.id, receiver.name), queued_at=call.created_at, mail=mail)
        async with self._one_at_a_time:
            outcome = (await self._mailer.send([letter]))[letter.id]
        if outcome.verdict is not Verdict.SENT:
            raise CallRefused(f"mail_{outcome.verdict}")
