"""A receiver that never answers is given up before somebody else may call it again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from breach_notifier.adapters import calls
from breach_notifier.adapters.calls import Channels, Receiver, Shape
from breach_notifier.application.calls import PAUSE
from breach_notifier.application.ports import CallRefused, DueCall
from lethe_testkit.breaches import NIGHT

NIGHT_SHIFT = Receiver("night", Shape.PAGERDUTY, "http://pager.example/")
CALL = DueCall(UUID(int=1), "night", UUID(int=2), "acme", "suspected", False, "suspected", None, NIGHT, 1)


class Mute:
    async def call(self, receiver, call):
        del receiver, call
        await asyncio.Event().wait()


async def test_nobody_is_waited_for_until_the_next_try(monkeypatch):
    assert timedelta(seconds=calls.PATIENCE_S) < PAUSE
    monkeypatch.setattr(calls, "PATIENCE_S", 0.01)
    channels = Channels({"night": NIGHT_SHIFT}, {Shape.PAGERDUTY: Mute()})
    with pytest.raises(CallRefused, match="timeout"):
        await channels.call(CALL)


async def test_who_is_not_configured_any_more_is_not_tried_again():
    with pytest.raises(CallRefused) as refused:
        await Channels({}, {}).call(CALL)
    assert refused.value.gone
