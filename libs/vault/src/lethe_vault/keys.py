"""Master keys: the port through which data keys are wrapped, and the provider that keeps them in a file.

Rotation, in three steps that may be weeks apart: `FileKeys.rotate` adds a new current key; `rewrap_all` (install.py)
wraps every data key under it; `FileKeys.retire` removes the old one. Running services notice within a second.
Whoever wraps a key outside the vault's schema has to re-wrap it too: `rewrap_all` cannot find it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe_vault.errors import KeyFileRefused, KeyMissing
from lethe_vault.sealing import KEY_BYTES, decrypt, encrypt

if TYPE_CHECKING:
    from pathlib import Path

CHECK_SECONDS = 1.0
"""How long a changed file may go unnoticed: a look costs 3 µs, as much as an encryption."""
RETIRE_SECONDS = 60.0
"""A key that was current so recently may still be about to wrap something."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key under the master key `key_id`."""

    key_id: str
    blob: bytes


class KeyProvider(Protocol):
    """Holds master keys, which never leave it. Called for every DSR, so it must answer from memory.

    `context` says what the data key is for; unwrapping with another context fails.
    """

    @property
    def current(self) -> str:
        """Id of the key that `wrap` uses."""
        ...

    def wrap(self, dek: bytes, context: bytes = b"") -> Wrapped: ...

    def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        """Raises KeyMissing, or Tampered for a wrong context or a changed blob."""
        ...


@dataclass(frozen=True)
class _Ring:
    current: str
    keys: dict[str, bytes]
    aeads: dict[str, AESGCM]
    stamp: tuple[int, int]
    """Inode and modification time of the file this was read from."""


class FileKeys:
    """Master keys in a JSON file of mode 0600. Refuses a file that its group or others can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring = _read(path)
        self._looked = time.monotonic()

    @classmethod
    def create(cls, path: Path) -> FileKeys:
        """A new file with one random key. Raises KeyFileRefused if there is one: its keys would be lost."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyFileRefused(
                f"{path} exists: replacing it would lose the keys in it. Use FileKeys.rotate"
            ) from None
        name = _new_name()
        with os.fdopen(descriptor, "w") as file:
            file.write(_text(name, {name: secrets.token_bytes(KEY_BYTES)}))
        return cls(path)

    @classmethod
    def rotate(cls, path: Path) -> str:
        """Add a new key and make it the current one; gives its id. Old keys stay for unwrapping."""
        ring = _read(path)
        name = _new_name()
        _replace(path, _text(name, {**ring.keys, name: secrets.token_bytes(KEY_BYTES)}))
        return name

    @classmethod
    def retire(cls, path: Path, key_id: str, *, in_use: frozenset[str]) -> None:
        """Remove an old key. `in_use` comes from `master_keys_in_use`; a key that wraps anything is refused.

        So is any within RETIRE_SECONDS of a change of the file.
        """
        ring = _read(path)
        if time.time() - path.stat().st_mtime < RETIRE_SECONDS:
            raise KeyFileRefused(f"{path} was changed just now: wait a minute, then look again what is in use")
        if key_id == ring.current or key_id in in_use:
            raise KeyFileRefused(f"{key_id} still wraps data: rotate, re-wrap everything, then retire it")
        _replace(path, _text(ring.current, {name: key for name, key in ring.keys.items() if name != key_id}))

    @property
    def current(self) -> str:
        self._refresh()
        return self._ring.current

    def wrap(self, dek: bytes, context: bytes = b"") -> Wrapped:
        self._refresh()
        name = self._ring.current
        return Wrapped(name, encrypt(self._ring.aeads[name], dek, _bound(name, context)))

    def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        if wrapped.key_id not in self._ring.aeads:
            self._looked = -CHECK_SECONDS
            self._refresh()
        aead = self._ring.aeads.get(wrapped.key_id)
        if aead is None:
            raise KeyMissing(f"master key {wrapped.key_id} is not in {self._path}: bring it back from its backup")
        return decrypt(aead, wrapped.blob, _bound(wrapped.key_id, context))

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < CHECK_SECONDS:
            return
        self._looked = now
        if _stamp(self._path.stat()) != self._ring.stamp:
            self._ring = _read(self._path)


def _bound(key_id: str, context: bytes) -> bytes:
    return b"lethe.vault.wrap.v1|" + key_id.encode() + b"|" + context


def _new_name() -> str:
    return f"mk-{secrets.token_hex(6)}"


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_ino, status.st_mtime_ns


def _text(current: str, keys: dict[str, bytes]) -> str:
    encoded = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    return json.dumps({"current": current, "keys": encoded}, indent=1) + "\n"


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _read(path: Path) -> _Ring:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise KeyFileRefused(f"{path}: {error.strerror}. FileKeys.create makes a new file of keys") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileRefused(f"{path} can be read by its group or others: chmod 600 {path}")
        content = file.read()
    try:
        parsed = json.loads(content)
        keys = {str(name): base64.b64decode(key, validate=True) for name, key in parsed["keys"].items()}
        current = parsed["current"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileRefused(f"{path} is not a file of master keys: restore it from its backup") from error
    if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyFileRefused(f"{path} lacks its current key, or a key is not 32 bytes: restore it from its backup")
    aeads = {name: AESGCM(key) for name, key in keys.items()}
    return _Ring(current, keys, aeads, _stamp(status))
