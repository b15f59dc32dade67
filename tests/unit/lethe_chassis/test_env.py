from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lethe_chassis import Address, Env, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def test_every_fault_is_told_at_once_with_its_variable_and_what_to_set() -> None:
    def read() -> None:
        with Env({"PARTS": "many", "GRACE": "5 weeks", "WHERE": "nowhere"}) as env:
            env.required("BROKER", "host:port of a Kafka broker")
            env.integer("PARTS", 8, minimum=1, maximum=1000)
            env.duration("GRACE", timedelta(seconds=10))
            env.address("WHERE", "127.0.0.1:8081")
            env.flag("LOUD", default=False)

    with pytest.raises(SettingsError) as caught:
        read()
    assert [line.split()[0] for line in caught.value.lines] == ["BROKER", "PARTS", "GRACE", "WHERE"]
    assert caught.value.lines[0] == "BROKER is not set: set it to host:port of a Kafka broker"
    assert all(": set it to " in line for line in caught.value.lines)


def test_a_faulty_setting_that_breaks_what_is_built_from_it_is_still_told_as_a_setting() -> None:
    with pytest.raises(SettingsError, match="BROKER is not set"), Env({}) as env:
        env.required("BROKER", "host:port").split(":")[1]


def test_an_error_without_any_fault_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Env({}):
        1 / 0  # noqa: B018


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_PROBE", "before")
    env = Env()
    monkeypatch.setenv("LETHE_PROBE", "after")
    assert env.required("LETHE_PROBE", "x") == "before"


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30s", 30), ("5m", 300), ("12h", 43200), ("2d", 172800), ("1.5s", 1.5)]
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    assert Env({"D": text}).duration("D", timedelta()) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("[::1]:8081", Address("::1", 8081)),
        ("localhost:0", Address("localhost", 0)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert Env({"A": text}).address("A", "127.0.0.1:1") == address


@pytest.mark.parametrize("text", ["8081", ":8081", "host:", "host:99999", "host:http"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    env = Env({"A": text})
    env.address("A", "127.0.0.1:1")
    with pytest.raises(SettingsError, match="A is not host:port"):
        env.check()


@pytest.mark.parametrize(("name", "value"), [("N", "0"), ("N", "1001"), ("C", "yaml"), ("F", "perhaps")])
def test_values_out_of_bounds_are_faults(name: str, value: str) -> None:
    env = Env({name: value})
    env.integer("N", 8, minimum=1, maximum=1000)
    env.choice("C", ["json", "text"], "json")
    env.flag("F", default=True)
    with pytest.raises(SettingsError) as caught:
        env.check()
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(name)


def test_paths_must_exist(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("x")
    env = Env({"GOOD": str(tmp_path / "here"), "BAD": str(tmp_path / "gone"), "DIR": str(tmp_path / "here")})
    assert env.file("GOOD", "a file") == tmp_path / "here"
    assert env.optional_file("UNSET", "a file") is None
    env.file("BAD", "a file")
    env.directory("DIR", "a directory")
    with pytest.raises(SettingsError) as caught:
        env.check()
    assert [line.split()[0] for line in caught.value.lines] == ["BAD", "DIR"]


def test_empty_counts_as_unset() -> None:
    assert Env({"X": "  "}).optional("X") is None
