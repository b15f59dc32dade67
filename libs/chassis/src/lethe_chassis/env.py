"""Settings from the environment, read once, with every fault reported at once."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from lethe_chassis.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)\Z")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MAX_PORT = 65535


class Address(NamedTuple):
    """Where to listen. Port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Env:
    """A snapshot of the environment. Faults are collected, and `check` (or leaving a `with`) raises them together.

    Until then a faulty setting reads as an empty stand-in of its type, so that reading goes on to the next one:

        with Env() as env:
            settings = Settings(kafka=env.required("LETHE_KAFKA", "host:port of a Kafka broker"), ...)
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(os.environ if values is None else values)
        self._faults: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None or (self._faults and isinstance(error, Exception)):
            self.check()

    def check(self) -> None:
        """Raise SettingsError if anything read so far was missing or invalid."""
        if self._faults:
            raise SettingsError(self._faults)

    def fault(self, name: str, problem: str, fix: str) -> None:
        """Report a fault that only the caller can see, for example two settings that exclude each other."""
        self._faults.append(f"{name} {problem}: {fix}")

    def optional(self, name: str) -> str | None:
        """The value without surrounding white space; empty counts as unset."""
        return self._values.get(name, "").strip() or None

    def required(self, name: str, meaning: str) -> str:
        """`meaning` completes the line `NAME is not set: set it to …`."""
        value = self.optional(name)
        if value is None:
            self.fault(name, "is not set", f"set it to {meaning}")
            return ""
        return value

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def integer(self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
        value = self.optional(name)
        if value is None:
            return default
        bounds = f"a whole number of at least {minimum}" + (f" and at most {maximum}" if maximum is not None else "")
        try:
            number = int(value)
        except ValueError:
            self.fault(name, "is not a number", f"set it to {bounds}, for example {default}")
            return default
        if number < minimum or (maximum is not None and number > maximum):
            self.fault(name, "is out of bounds", f"set it to {bounds}")
        return number

    def duration(self, name: str, default: timedelta) -> timedelta:
        """A number and a unit of ms, s, m, h or d: `250ms`, `30s`, `12h`."""
        value = self.optional(name)
        if value is None:
            return default
        found = _DURATION.match(value)
        if found is None:
            self.fault(name, "is not a duration", "set it to a number and one of ms, s, m, h, d, for example 30s")
            return default
        return timedelta(seconds=float(found[1]) * _UNITS[found[2]])

    def flag(self, name: str, *, default: bool) -> bool:
        value = (self.optional(name) or "").lower()
        if value and value not in _TRUE | _FALSE:
            self.fault(name, "is neither true nor false", "set it to true or false")
        return default if not value else value in _TRUE

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            self.fault(name, "is not one of its values", f"set it to one of {', '.join(choices)}")
        return value

    def address(self, name: str, default: str) -> Address:
        """`host:port` or `[v6]:port` to listen on."""
        host, _, port = self.text(name, default).rpartition(":")
        if not host or not port.isdecimal() or int(port) > _MAX_PORT:
            self.fault(name, "is not host:port", f"set it to an address to listen on, for example {default}")
            return Address("127.0.0.1", 0)
        return Address(host.removeprefix("[").removesuffix("]"), int(port))

    def file(self, name: str, meaning: str) -> Path:
        """Path of a file that exists and can be read."""
        return self._path(name, self.required(name, meaning), meaning)

    def optional_file(self, name: str, meaning: str) -> Path | None:
        value = self.optional(name)
        return None if value is None else self._path(name, value, meaning)

    def directory(self, name: str, meaning: str) -> Path:
        value = self.required(name, meaning)
        if value and not Path(value).is_dir():
            self.fault(name, "is not a directory", f"set it to {meaning}")
        return Path(value)

    def _path(self, name: str, value: str, meaning: str) -> Path:
        path = Path(value)
        if value and not (path.is_file() and os.access(path, os.R_OK)):
            self.fault(name, "does not name a file that can be read", f"set it to {meaning}")
        return path
