"""What the export worker is told by its environment."""

from __future__ import annotations

import pytest

from export_worker.settings import read_settings
from lethe_chassis import Env, SettingsError


def test_everything_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(Env({"LETHE_PART_MAX_BYTES": "-1"}))
    named = {line.split()[0] for line in refused.value.lines}
    assert named == {
        "LETHE_KAFKA",
        "LETHE_POSTGRES",
        "LETHE_AUTH_ISSUER",
        "LETHE_AUTH_PUBLIC_KEY",
        "LETHE_VAULT_KEYS",
        "LETHE_REGISTER",
        "LETHE_PART_MAX_BYTES",
    }
