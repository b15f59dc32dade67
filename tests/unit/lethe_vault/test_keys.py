"""Master keys in a file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from lethe_vault import FileKeys, KeyFileRefused, KeyMissing, Tampered, Wrapped

if TYPE_CHECKING:
    from pathlib import Path

DEK = bytes(range(32))


def age(path: Path) -> None:
    """As if the file had been changed two minutes ago."""
    then = path.stat().st_mtime - 120
    os.utime(path, (then, then))


def test_what_was_wrapped_unwraps_to_the_same_key(tmp_path: Path) -> None:
    keys = FileKeys.create(tmp_path / "keys.json")
    assert keys.unwrap(keys.wrap(DEK, b"dsr 1"), b"dsr 1") == DEK


def test_a_wrapped_key_cannot_be_moved_to_another_context(tmp_path: Path) -> None:
    keys = FileKeys.create(tmp_path / "keys.json")
    with pytest.raises(Tampered):
        keys.unwrap(keys.wrap(DEK, b"dsr 1"), b"dsr 2")


def test_a_wrapped_key_cannot_claim_another_master_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old = FileKeys.create(path).wrap(DEK)
    new = FileKeys.rotate(path)
    with pytest.raises(Tampered):
        FileKeys(path).unwrap(Wrapped(new, old.blob))


def test_two_wrappings_of_one_key_differ(tmp_path: Path) -> None:
    keys = FileKeys.create(tmp_path / "keys.json")
    assert keys.wrap(DEK).blob != keys.wrap(DEK).blob


def test_a_new_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    FileKeys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    FileKeys.rotate(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    FileKeys.create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        FileKeys(path)


def test_create_never_replaces_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    before = FileKeys.create(path).wrap(DEK)
    with pytest.raises(KeyFileRefused):
        FileKeys.create(path)
    assert FileKeys(path).unwrap(before) == DEK


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"current": "a", "keys": {}}', '{"current": "a", "keys": {"a": "c2hvcnQ="}}', '{"current": 1}'],
)
def test_a_damaged_file_is_refused_without_a_traceback_of_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileRefused, match="restore it"):
        FileKeys(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused, match=r"FileKeys\.create"):
        FileKeys(tmp_path / "absent.json")


def test_a_running_service_wraps_under_the_new_key_after_a_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    monkeypatch.setattr("lethe_vault.keys.CHECK_SECONDS", 0.0)
    running = FileKeys.create(path)
    before = running.wrap(DEK)
    new = FileKeys.rotate(path)
    assert running.wrap(DEK).key_id == new == running.current
    assert running.unwrap(before) == DEK


def test_a_key_that_another_process_added_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    running = FileKeys.create(path)
    FileKeys.rotate(path)
    assert running.unwrap(FileKeys(path).wrap(DEK)) == DEK


def test_a_key_that_is_in_use_or_current_is_not_retired(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old = FileKeys.create(path).current
    age(path)
    with pytest.raises(KeyFileRefused, match="still wraps"):
        FileKeys.retire(path, old, in_use=frozenset())
    FileKeys.rotate(path)
    with pytest.raises(KeyFileRefused, match="just now"):
        FileKeys.retire(path, old, in_use=frozenset())
    age(path)
    with pytest.raises(KeyFileRefused, match="still wraps"):
        FileKeys.retire(path, old, in_use=frozenset({old}))


def test_data_under_a_retired_key_is_lost_and_says_which_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    wrapped = FileKeys.create(path).wrap(DEK)
    FileKeys.rotate(path)
    age(path)
    FileKeys.retire(path, wrapped.key_id, in_use=frozenset())
    with pytest.raises(KeyMissing, match=wrapped.key_id):
        FileKeys(path).unwrap(wrapped)
    assert wrapped.key_id not in json.loads(path.read_text())["keys"]


def test_the_directory_holds_no_second_copy_of_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    FileKeys.create(path)
    FileKeys.rotate(path)
    assert list(tmp_path.iterdir()) == [path]
