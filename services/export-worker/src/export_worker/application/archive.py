"""A zip archive as a stream: what is finished is handed on, nothing is kept but the list of names."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

from export_worker.domain.package import PackedFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_SAME_DATE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
_ZIP64_ABOVE = 1 << 30


class _Drain:
    """A file that can only be appended to and emptied."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class Archive:
    """Files are added one after the other; each addition yields the bytes of the archive that are ready."""

    def __init__(self) -> None:
        self._drain = _Drain()
        self._zip = zipfile.ZipFile(self._drain, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self.files: list[PackedFile] = []

    async def add(
        self,
        path: str,
        content: AsyncIterator[bytes],
        *,
        at_most: int,
        records: int | None = None,
        masked: Mapping[str, object] | None = None,
    ) -> AsyncIterator[bytes]:
        """Write one file. `at_most`: a bound of its size in bytes, from which the form of its entry is chosen."""
        info = zipfile.ZipInfo(path, _SAME_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=at_most > _ZIP64_ABOVE) as entry:
            async for piece in content:
                digest.update(piece)
                size += len(piece)
                entry.write(piece)
                if ready := self._drain.take():
                    yield ready
        self.files.append(PackedFile(path, digest.hexdigest(), size, records, masked or {}))
        yield self._drain.take()

    def end(self) -> bytes:
        """The directory of the archive."""
        self._zip.close()
        return self._drain.take()
