"""What came of a request, read from what Lethe hands out: the package and the certificate. Pure."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from lethe_local.demo.moments import GRADES, who

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CHANGES = ("erased", "nulled", "pseudonymised")


def package_lines(package: Path) -> Iterator[str]:
    """Per processor how much was exported, and what was masked because it concerns somebody else."""
    with zipfile.ZipFile(package) as archive:
        manifest: Mapping[str, Any] = json.loads(archive.read("manifest.json"))
        names = archive.namelist()
    for part in manifest["parts"]:
        records, masked = part.get("records", 0), part.get("masked_rows", 0)
        about_others = f", {masked} of them with what concerns other people masked (Art. 15(4))" if masked else ""
        yield f"{who(part['processor_id']):<12} {records} records{about_others}"
    yield f"{len(names)} files: a readable page, a table per collection, JSON, and a manifest with the hash of each"


def certificate_lines(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Per processor what was done by which method."""
    for processor in certificate["processors"]:
        if processor["processor"] != "lethe-package":
            yield f"{who(processor['processor']):<12} {_done(processor)}"


def unproven_lines(certificate: Mapping[str, Any]) -> Iterator[str]:
    for doubt in certificate["not_proven"]:
        where = f"{doubt['processor']}: " if "processor" in doubt else ""
        yield f"{where}{doubt['meaning']}"


def _done(processor: Mapping[str, Any]) -> str:
    counted: dict[str, int] = {}
    grade = ""
    for task in processor["tasks"]:
        if task["verb"] == "erase":
            for count in task.get("counts", ()):
                counted[count["method"]] = counted.get(count["method"], 0) + count["rows"]
        if task["verb"] in {"erase", "verify"} and "grade" in task:
            grade = GRADES.get(task["grade"], task["grade"])
    changed = [f"{counted[method]} rows {method}" for method in CHANGES if counted.get(method)]
    verdict = processor["verdict"].replace("_", " ")
    return f"{', '.join(changed) or 'nothing found'} · {verdict}, {grade}"
