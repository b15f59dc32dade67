"""The shop lends money as well, so "erase everything" meets a running loan: what goes, what stays, why, until when.

Read from the certificate alone. Pure.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from lethe_local.demo.moments import who

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TITLE = "The bank case: a loan is running (GDPR Art. 17(3), 12(4))"
MARKETING = frozenset({"newsletter_subscriptions"})
"""Collections of the sample shop that serve nothing but marketing."""


def bank_lines(certificate: Mapping[str, Any]) -> Iterator[str]:
    yield f"outcome      {certificate['result'].replace('_', ' ')}: decided per category, never per customer"
    for word, number in _gone(certificate).items():
        yield f"erased       {number} rows {word}"
    kept = sorted(certificate["kept"], key=_why)
    for (_, ground, article, until), rows in groupby(kept, key=_why):
        listed = ", ".join(f"{row['rows']} rows of {row['collection']} ({row['category']})" for row in rows)
        yield f"kept by law  {listed}: {ground.replace('_', ' ')}, {article}, {_until(until)}"
    if any(row["until"] for row in kept):
        yield "afterwards   each kept part is erased when its date comes, without anyone asking"
    yield from _remedies(certificate.get("remedies"))


def _gone(certificate: Mapping[str, Any]) -> dict[str, int]:
    found = {"of marketing": 0, "of everything else": 0}
    for processor in certificate["processors"]:
        for task in processor["tasks"]:
            for count in task.get("counts", ()) if task["verb"] == "erase" else ():
                if count["method"] == "erased":
                    word = "of marketing" if count["collection"] in MARKETING else "of everything else"
                    found[word] += count["rows"]
    return found


def _why(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return who(row["processor"]), row["ground"], row["article"], row["until"] or ""


def _until(until: str) -> str:
    return f"until {until[:10]}" if until else "until the ground ends"


def _remedies(remedies: Mapping[str, Any] | None) -> Iterator[str]:
    """What a partial refusal has to name (Art. 12(4))."""
    if remedies and remedies["authority"]:
        yield f"complaint    {remedies['authority']['name']}, {remedies['authority']['site']} ({remedies['complaint']})"
    if remedies and "court" in remedies:
        yield f"court        a judicial remedy is open as well ({remedies['court']})"
