"""Where the services are: the environment first, then the stack that runs here, and nobody else's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_client import BadInput, Settings, Unauthorised
from lethe_client.settings import INTAKE_URL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / ".local").mkdir()
    file = tmp_path / ".local" / "env"
    file.write_text("export LETHE_INTAKE_URL=http://127.0.0.1:8081\nexport LETHE_TOKEN='a b'\n")
    file.chmod(0o600)
    return tmp_path


def test_the_stack_of_this_directory_or_of_one_above_is_found(stack: Path) -> None:
    (stack / "a" / "b").mkdir(parents=True)
    found = Settings.find({}, stack / "a" / "b")
    assert (found.url(INTAKE_URL), found.token()) == ("http://127.0.0.1:8081", "a b")


def test_the_environment_wins(stack: Path) -> None:
    found = Settings.find({"LETHE_INTAKE_URL": "https://intake.example/", "LETHE_TOKEN": ""}, stack)
    assert (found.url(INTAKE_URL), found.token()) == ("https://intake.example", "a b")


def test_a_named_directory_is_the_only_one_looked_into(stack: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    found = Settings.find({"LETHE_LOCAL_DIR": str(tmp_path / "other")}, stack)
    assert found.env_file is None
    assert Settings.find({"LETHE_LOCAL_DIR": str(stack / ".local")}, tmp_path / "other").token() == "a b"


def test_a_file_that_others_can_write_could_send_the_token_away_and_is_not_read(stack: Path) -> None:
    (stack / ".local" / "env").chmod(0o666)
    assert Settings.find({}, stack).env_file is None


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = Settings.find({}, tmp_path)
    with pytest.raises(BadInput, match="LETHE_INTAKE_URL is not set"):
        found.url(INTAKE_URL)
    with pytest.raises(Unauthorised, match="LETHE_TOKEN"):
        found.token()
    with pytest.raises(BadInput, match="http"):
        Settings.find({INTAKE_URL: "127.0.0.1:8081"}, tmp_path).url(INTAKE_URL)


def test_settings_do_not_print_the_token(stack: Path) -> None:
    assert "a b" not in repr(Settings.find({}, stack))
