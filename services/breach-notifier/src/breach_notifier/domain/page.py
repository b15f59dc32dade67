"""docs/breach-cases.md, printed from the tables."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from breach_notifier.domain.ladder import TRIAGE_WITHIN
from breach_notifier.domain.record import kind_of
from breach_notifier.domain.tables import ABSENT, IGNORED, REJECTED, STEPS
from breach_notifier.domain.words import MEANING, State
from lethe_law.breach.exemptions import ARTICLE, NEEDS
from lethe_law.escalation import BREACH_LADDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lethe_law.escalation import Rung

_STATES = {
    State.SUSPECTED: "a sign of a breach; nobody is aware, no clock runs",
    State.DISMISSED: "no personal data breach: two people said so; documented all the same",
    State.AWARE: "the clock runs; whom to tell is not decided, or a no waits for a second person",
    State.ASSESSED: "an authority that has to be told was not told yet",
    State.NOTIFIED: "told in a first phase; a complete notice, a follow-up or letters are owed",
    State.SETTLED: "nothing more is owed: notices complete and up to date, data subjects told or exempt",
    State.CLOSED: "effects and measures are written down (Art. 33(5))",
    State.MERGED: "the same incident as another case, which goes on with the evidence and the earliest clock of both",
}

_WHAT = """A case is one incident at one controller, with its own clock; a processor keeps one for each controller that
it has to tell. `decide(case, event)` is a pure function; every pair of state and event stands in exactly one of three
tables: steps (with the article they serve), ignored (with the reason), rejected (nothing changes, and whoever tried is
told what to do). Anything else cannot happen; a test says so."""
_PEOPLE = """**What starts the clock** is a decision that the controller is aware, by a person or a configured rule,
with its instant and reason; or the arrival of a notice by a processor. A signal never does. Every *no* (dismissed,
authority not told, data subjects not told, an exemption) waits for a second person; so does every notice to be filed.
New facts that lead to other answers open the decision again, also of a closed case; the clock does not start anew
unless the breach recurs."""
_CLOCK = """The ladder of an aware case goes by the exact target (awareness + 72 hours, in UTC); lateness is judged by
the legal end (Regulation 1182/71). Each rung rings once per awareness; after an outage it rings late."""


def breach_page() -> str:
    """Markdown, with a mermaid diagram. The same tables give the same page."""
    return "\n".join([*_head(), *_tables(), *_time(), *_people()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Cases of personal data breaches"
    yield ""
    yield "Printed by `make docs` from the tables of `services/breach-notifier`; do not edit."
    yield ""
    yield from _prose(_WHAT)
    yield ""
    yield from _prose(_PEOPLE)


def _tables() -> Iterator[str]:
    yield from ("", "## States", "", "```mermaid", "stateDiagram-v2")
    yield from _diagram()
    yield from ("```", "", *_table(("state", "meaning"), ((s.value, _STATES[s]) for s in State)))
    yield from ("", "### Steps", "")
    rows = ((s.state, _words(s.event), s.target.value, s.article) for s in STEPS)
    yield from _table(("in", "event", "leads to", "article"), rows)
    yield from ("", "### Ignored", "")
    yield from _table(("in", "event", "because"), ((i.state, _words(i.event), i.reason) for i in IGNORED))
    yield from ("", "### Rejected", "")
    rejected = ((r.state, _words(r.event), r.code, r.detail) for r in REJECTED)
    yield from _table(("in", "event", "code", "what to do"), rejected)


def _time() -> Iterator[str]:
    hours = TRIAGE_WITHIN.total_seconds() // 3600
    yield from ("", "## Time", "")
    yield from _prose(f"A suspicion that nobody decided within {hours:.0f} hours calls the privacy team. {_CLOCK}")
    yield ""
    yield from _table(("rung", "when", "calls"), ((r.name, _when(r), r.calls.value) for r in BREACH_LADDER))


def _people() -> Iterator[str]:
    yield from ("", "## Alerts", "")
    yield from _table(("code", "what to do"), ((c.value, m) for c, m in MEANING.items()))
    yield from ("", "## Exemptions from telling data subjects", "")
    exempt = ((x.value, ARTICLE[x], ", ".join(p.value for p in needs)) for x, needs in NEEDS.items())
    yield from _table(("exemption", "article", "evidence"), exempt)


def _when(rung: Rung) -> str:
    if rung.after is not None:
        return f"T + {rung.after.total_seconds() // 3600:.0f} h"
    return f"{rung.share} of the time used"


def _prose(text: str) -> Iterator[str]:
    yield from wrap(" ".join(text.split()), width=110)


def _diagram() -> Iterator[str]:
    events: dict[tuple[str, str], list[str]] = {}
    for step in STEPS:
        source = "[*]" if step.state == ABSENT else str(step.state)
        if source != step.target.value:
            events.setdefault((source, step.target.value), []).append(_words(step.event))
    for (source, target), names in events.items():
        yield f"    {source} --> {target}: {', '.join(dict.fromkeys(names))}"


def _words(event: type) -> str:
    return kind_of(event).replace("_", " ")


def _table(titles: Sequence[str], lines: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for line in lines:
        yield f"| {' | '.join(str(cell) for cell in line)} |"
