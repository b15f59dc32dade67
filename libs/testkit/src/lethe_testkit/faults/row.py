"""One fault's outcome: what was done, what was seen, and what did not hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields

from lethe_testkit.history import Guarantee, Verdict, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault's outcome. `untrue`: people of closed erasures whom a processor still holds."""

    fault: str
    seed: int
    done: Counter[str]
    sagas: int
    with_incident: int
    again: int
    seconds: float
    verdict: Verdict
    untrue: int
    trouble: str = ""
    load: float = 0.0
    """Processes that wanted a core when it ended, on average over the last minute."""
    observed: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return self.verdict.holds and not self.untrue and not self.trouble

    def to_json(self) -> str:
        """One line, whole: `from_json` gives the same row."""
        facts = {f.name: getattr(self, f.name) for f in fields(self)}
        told = [[violation.guarantee.name, violation.detail] for violation in self.verdict.violations]
        return json.dumps({**facts, "verdict": told})

    @classmethod
    def from_json(cls, line: str) -> Row:
        facts = json.loads(line)
        violations = tuple(Violation(Guarantee[name], detail) for name, detail in facts["verdict"])
        counted = {name: Counter(facts[name]) for name in ("done", "observed")}
        return cls(**{**facts, **counted, "verdict": Verdict(violations)})


def tell(row: Row) -> str:
    what = ", ".join(f"{count} {name}" for name, count in row.done.items())
    if row.holds:
        incidents = f", {row.with_incident} with an incident" if row.with_incident else ""
        return f"held: {row.sagas} sagas{incidents}; {what}; {row.seconds:.0f} s"
    first = [str(v) for v in row.verdict.violations[:5]]
    return f"BROKEN: {what}; {row.trouble} {len(row.verdict.violations)} violations, {row.untrue} untrue: {first}"
