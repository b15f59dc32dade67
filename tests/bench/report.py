"""The figures as a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from machine import Limits
from measure import BOUNDS_MS, Run
from naive import Naive
from sampling import Profile

_HEAD = """\
# Benchmarks

Written by `make bench ARGS="--write docs/benchmarks.md"`. Everything runs on one machine: the load
generator, Kafka, PostgreSQL and all services; fsync and synchronous_commit on, `acks=all`, bodies of 1 KB,
one instance of each service, 2 partitions.

"As many as go": everybody submits again at once, but while 1,200 sagas are open (about two seconds of work)
nobody does. Otherwise intake, the cheaper half, would take the machine first and the sagas would be carried out
afterwards, which is no load that lasts. The five processors of W and WV are one program of the participant SDK
on the same two cores, and are in no table below.
"""


@dataclass(frozen=True)
class Session:
    """What was measured in one run, and `scale`: what `scale.py` found in a run of its own, if it ever ran."""

    limits: Limits
    naive: Naive
    runs: Sequence[Run]
    settings: Mapping[str, str]
    scale: Mapping[str, Any] | None
    versions: Mapping[str, str]
    platform: str


def page(session: Session, floors: Mapping[str, int], p99_ms: int) -> str:
    """Markdown: the machine, the runs, a naive consumer beside them, how latencies lie, where the time goes."""
    runs = session.runs
    versions = ", ".join(f"{k} {v}" for k, v in session.versions.items())
    parts = [
        _HEAD,
        f"Platform: {session.platform}; {versions}.\n",
        "## The machine, in the same run\n",
        _table(("limit", "a second"), session.limits.as_rows()),
        "## Sagas, from submit over HTTP to closed\n",
        _sagas(runs, floors, p99_ms),
        _beside_naive(session.naive, runs),
        "## How long sagas took (per cent of them)\n",
        _histograms(runs),
        "## Where the time goes (CPU milliseconds per saga)\n",
        _cpu(runs),
        _memory(runs),
        *_profiles(runs),
        *([] if session.scale is None else [scale_page(session.scale)]),
        "## Settings and seeds, and what else the machine did\n",
        _table(("setting", "value"), session.settings.items()),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _sagas(runs: Sequence[Run], floors: Mapping[str, int], p99_ms: int) -> str:
    head = ("workload", "offered/s", "closed", "closed/s", "floor", "p50 ms", "p90 ms", "p99 ms", "intake p99 ms")
    rows = []
    for run in runs:
        intake_ms = run.intake.get("ms")
        intake_p99 = intake_ms["p99"] if isinstance(intake_ms, dict) else ""
        floor = str(floors.get(run.name, "" if run.name.startswith("I") else f"p99 ≤ {p99_ms}"))
        rate = run.intake.get("ok_per_second") if run.name.startswith("I") else run.closed_per_second
        offered = "as many as go" if run.offered is None else f"{run.offered:.0f}"
        took = (run.p50_ms, run.p90_ms, run.p99_ms) if run.closed else ("", "", "")
        rows.append((run.name, offered, run.closed or run.submitted, rate, floor, *took, intake_p99))
    return _table(head, rows)


def _beside_naive(naive: Naive, runs: Sequence[Run]) -> str:
    """Only W is the same job."""
    full = next((run for run in runs if run.name == "W"), None)
    text = (
        "A consumer as one would write it first, in the same session (`tests/bench/naive.py`: one message, one "
        "transaction, one produce that is\nwaited for; the state of W, but without HTTP, sealing, audit chain, clock, "
        f"certificate and outbox) closed {naive.closed_per_second:g} sagas a second"
    )
    if full is not None and naive.closed_per_second:
        text += f": W does **{full.closed_per_second / naive.closed_per_second:.1f} times** as many"
    return text + ".\n"


def _histograms(runs: Sequence[Run]) -> str:
    head = ("workload", *(f"≤ {_short(bound)}" for bound in BOUNDS_MS), "more")
    rows = []
    for run in runs:
        total = sum(run.histogram)
        if total:
            rows.append((run.name, *(_per_cent(n, total) for n in run.histogram)))
    return _table(head, rows)


def _short(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms // 1000} s"


def _per_cent(n: int, total: int) -> str:
    share = 100 * n / total
    return "" if n == 0 else "<0.1" if share < 0.1 else f"{share:.1f}" if share < 10 else f"{share:.0f}"


def _cpu(runs: Sequence[Run]) -> str:
    programs = sorted({name for run in runs for name in run.cpu_ms_per_saga})
    rows = [
        (run.name, *(f"{run.cpu_ms_per_saga.get(p, 0):.2f}" for p in programs)) for run in runs if run.cpu_ms_per_saga
    ]
    return _table(("workload", *programs), rows)


def _memory(runs: Sequence[Run]) -> str:
    programs = sorted({name for run in runs for name in run.rss_mb})
    rows = [(run.name, *(run.rss_mb.get(p, "") for p in programs)) for run in runs if run.rss_mb]
    return "Memory after the runs, MB resident:\n\n" + _table(("workload", *programs), rows)


def _profiles(runs: Sequence[Run]) -> list[str]:
    """For services that did enough to tell."""
    found = []
    for run in runs:
        for profile in run.profiles:
            if profile.trouble:
                found.append(f"{run.name}, {profile.service}: not sampled ({profile.trouble}).\n")
            elif profile.samples >= 150:
                found.append(_profile(run.name.split(" ")[0], profile))
    if not found:
        return []
    intro = (
        "Sampled 100 times a second from outside (py-spy) in runs of their own at about 0.8 of the maximum, only what "
        "was on a CPU.\nPer cent of a service's own time; what C code does is told at the Python that called it.\n"
    )
    return ["## CPU profile of each service\n", intro, *found]


def _profile(workload: str, profile: Profile) -> str:
    rows = []
    for n in range(max(len(profile.own), len(profile.with_called))):
        own = profile.own[n] if n < len(profile.own) else ("", "")
        passed = profile.with_called[n] if n < len(profile.with_called) else ("", "")
        rows.append((f"`{own[0]}`" if own[0] else "", own[1], f"`{passed[0]}`" if passed[0] else "", passed[1]))
    title = f"{workload}, {profile.service} ({profile.samples} samples)\n\n"
    return title + _table(("by itself", "%", "with what it calls (our code)", "%"), rows)


def scale_page(found: Mapping[str, Any]) -> str:
    """What many open sagas cost."""
    small, large = found["steps"]["1000"], found["steps"][str(found["open"])]
    best = max(s["closed_per_second"] for s in small), max(s["closed_per_second"] for s in large)
    ratio = best[1] / best[0]
    cpu = min(s["python_us"] + s["postgres_us"] for s in small), min(s["python_us"] + s["postgres_us"] for s in large)
    sizes = found["bytes_per_open_saga"]
    none, following, burst = found["timers, none due"], found["next timer"], found["timers, all due at once"]
    load = ", ".join(f"{n:.1f}" for n in found["load_average"])
    rows = [
        ("bytes of PostgreSQL per open saga, with indexes", f"{sizes['all']:,}", "< 3,000"),
        (
            "closed/s of handlers on one connection, 1,000 open → all",
            f"{best[0]:g} → {best[1]:g} ({ratio:.2f})",
            "≥ 0.95",
        ),
        ("CPU per saga there, Python + PostgreSQL, µs", f"{cpu[0]} → {cpu[1]} ({cpu[0] / cpu[1]:.2f})", "≥ 0.95"),
        ("finding due timers when none is due, p50 / p99 ms", f"{none['p50_ms']} / {none['p99_ms']}", "p99 < 2"),
        ("when the next one is due, p50 / p99 ms", f"{following['p50_ms']} / {following['p99_ms']}", "p99 < 2"),
        (f"{burst['fired']:,} timers due at one instant, seconds until the last", burst["seconds"], "< 60"),
        ("memory of the process (handlers, no Kafka) after all of it, MB", found["resident_mb"], "< 200"),
    ]
    lists = [(name, took["p50_ms"], took["p99_ms"]) for name, took in found["lists"].items()]
    by_table = ", ".join(f"{name} {size}" for name, size in sizes.items() if name not in {"all", "indexes of them"})
    by_table += f"; {sizes['indexes of them']} of these are indexes"
    return "\n".join(
        [
            f"## {found['open']:,} open sagas\n",
            f"`tests/bench/scale.py` on {found['at']}, in a run of its own; load average then {load}.\n",
            _table(("", "found", "wanted"), rows),
            f"Bytes by table: {by_table}. {found.get('notes', '')}\n",
            _table(("list, a page of 50", "p50 ms", "p99 ms (wanted: < 20)"), lists),
        ]
    )
