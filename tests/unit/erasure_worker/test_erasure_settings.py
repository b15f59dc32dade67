"""What the erasure worker is told by its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from erasure_worker.settings import read_settings
from lethe_chassis import Env, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(Env({"LETHE_CALL_TIMEOUT": "soon", "LETHE_LOG": "loud"}))
    named = {line.split()[0] for line in refused.value.lines}
    assert named == {
        "LETHE_KAFKA",
        "LETHE_POSTGRES",
        "LETHE_AUTH_ISSUER",
        "LETHE_AUTH_PUBLIC_KEY",
        "LETHE_VAULT_KEYS",
        "LETHE_REGISTER",
        "LETHE_CALL_TIMEOUT",
        "LETHE_LOG",
    }


def test_the_secret_in_the_database_address_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("{}")
    settings = read_settings(
        Env(
            {
                "LETHE_KAFKA": "k:9092",
                "LETHE_POSTGRES": "postgresql://worker:hunter2@db.example/lethe",
                "LETHE_VAULT_KEYS": str(tmp_path / "keys"),
                "LETHE_REGISTER": str(tmp_path),
                "LETHE_AUTH_ISSUER": "https://issuer.example",
                "LETHE_AUTH_PUBLIC_KEY": str(tmp_path / "keys"),
            }
        )
    )
    assert "hunter2" not in repr(settings)
    assert (settings.http.port, settings.partitions, settings.call_timeout_s) == (8083, 8, 60)
