"""The matrix fault × guarantee as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_testkit.history import Guarantee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_testkit.faults.row import Row

_UNSEEN = frozenset({Guarantee.HOLDS, Guarantee.ONE_OWNER, Guarantee.ORDER})
"""What a real stack does not show from outside; the simulation judges it."""
_SHORT = {
    Guarantee.KEPT: "kept",
    Guarantee.ONE_SAGA: "one saga",
    Guarantee.ONE_EFFECT: "one effect",
    Guarantee.NOTHING_UNASKED: "asked",
    Guarantee.ONE_ANSWER: "one answer",
    Guarantee.NOT_EARLY: "not early",
    Guarantee.QUIET: "quiet",
    Guarantee.ALARMS: "alarms",
    Guarantee.CHAIN: "chain",
    Guarantee.DRAINED: "drained",
    Guarantee.TIMERS: "timers",
    Guarantee.PARKED: "parked",
}
_HOW = """\
Each row: people ask for erasure (a third of them with a copy first) while the fault strikes; then everything heals. Up
to six faults strike one after the other on one stack, without waiting for the sagas of the one before; then all comes
to rest, and the whole history of that stack is judged: tables, topics, the processors' own books. If that holds, each
of them has held; else each is run again by itself. Sagas of earlier rows are judged again with later ones. Seconds:
from the first person who asked to the last saga of that row that was closed or had an incident.

✓ held · ✗ broken, with the number of violations. The columns are explained below."""


BY_HAND = "<!-- by hand from here on -->"
"""What stands behind this line in the page is kept by the next run."""


def page(
    rows: Sequence[Row], *, versions: str, command: str, missing: Sequence[str] = (), mended: Sequence[Row] = ()
) -> str:
    """Markdown; the same rows give the same page.

    `missing`: rows of a whole run that have no verdict. `mended`: earlier attempts of the same run that did not hold.
    """
    held = sum(1 for row in rows if row.holds)
    loads = [row.load for row in rows]
    busy = f" Processes that wanted a core meanwhile: {min(loads):g} to {max(loads):g}." if loads else ""
    lines = [
        "# Faults",
        "",
        f"Written by `{command}`; not by hand. {versions}{busy}",
        "",
        f"**{held} of {len(rows)} rows held**, {sum(row.sagas for row in rows)} sagas under fault."
        + (f" Without a verdict: {len(missing)} of {len(rows) + len(missing)}." if missing else ""),
        "",
        _HOW,
        "",
    ]
    seen = [g for g in Guarantee if g not in _UNSEEN]
    heads = ["fault", "done", "sagas", "incidents", "seconds", *(_SHORT[g] for g in seen), "true", "seed"]
    lines += [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(_cells(row, seen))} |" for row in rows]
    if missing:
        lines += ["", "## What has no verdict here", "", *(f"- {name}" for name in missing)]
    lines += ["", "## What the columns mean", ""]
    lines += [f"- **{_SHORT[g]}**: {g.value}" for g in seen]
    lines += [
        "- **true**: nobody whose erasure is closed is still held by the shop or the helpdesk, whatever they say",
        "- judged by the simulation only: " + "; ".join(g.value for g in Guarantee if g in _UNSEEN),
        "",
    ]
    lines += _told("What did not hold", [row for row in rows if not row.holds])
    lines += _told("Attempts of this run that did not hold, before one that did", mended)
    return "\n".join(lines)


def with_what_was_written_by_hand(written: str, before: str) -> str:
    """The new page with the end of the old one."""
    _, marker, kept = before.partition(BY_HAND)
    return f"{written}\n{marker}{kept}" if marker else written


def _told(head: str, broken: Sequence[Row]) -> list[str]:
    lines = [f"## {head}", ""] if broken else []
    for row in broken:
        lines.append(f"- {row.fault} (seed {row.seed}): {row.trouble or 'settled'}")
        lines += [f"  - {violation}" for violation in row.verdict.violations[:10]]
    return [*lines, ""] if broken else []


def _cells(row: Row, seen: Sequence[Guarantee]) -> list[str]:
    broken = {g: sum(1 for v in row.verdict.violations if v.guarantee is g) for g in seen}
    done = ", ".join(f"{count} {name}" for name, count in row.done.items())
    marks = ["✓" if not broken[g] else f"✗ {broken[g]}" for g in seen]
    if row.trouble:
        marks[0] = "✗"
    true = "✓" if not row.untrue else f"✗ {row.untrue}"
    return [row.fault, done, str(row.sagas), str(row.with_incident), f"{row.seconds:.0f}", *marks, true, str(row.seed)]
