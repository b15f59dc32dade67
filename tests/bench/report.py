"""The figures as a page."""

from collections.abc import Mapping, Sequence

from machine import Limits
from measure import Run


def page(
    limits: Limits,
    runs: Sequence[Run],
    versions: Mapping[str, str],
    platform: str,
    floors: Mapping[str, int],
    p99_ms: int,
) -> str:
    """Markdown: the machine, the runs, where the time goes."""
    lines = [
        "# Benchmarks",
        "",
        'Written by `make bench ARGS="--write docs/benchmarks.md"`. Everything runs on one machine: the load',
        "generator, Kafka, PostgreSQL and all services; fsync and synchronous_commit on, `acks=all`, bodies of 1 KB,",
        "one instance of each service, 2 partitions.",
        "",
        f"Platform: {platform}; " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".",
        "",
        "## The machine, in the same run",
        "",
        "| limit | a second |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in limits.as_rows()),
        "",
        "## Sagas, from submit over HTTP to closed",
        "",
        "| workload | offered/s | closed | closed/s | floor | p50 ms | p90 ms | p99 ms | intake p99 ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        intake_ms = run.intake.get("ms")
        intake_p99 = intake_ms["p99"] if isinstance(intake_ms, dict) else ""
        floor = str(floors.get(run.name, "" if run.name.startswith("I") else f"p99 ≤ {p99_ms}"))
        rate = run.intake.get("ok_per_second") if run.name.startswith("I") else run.closed_per_second
        offered = "as many as go" if run.offered is None else f"{run.offered:.0f}"
        row = [run.name, offered, run.closed or run.submitted, rate, floor, run.p50_ms, run.p90_ms, run.p99_ms]
        lines.append("| " + " | ".join(str(cell) for cell in (*row, intake_p99)) + " |")
    lines += [
        "",
        "## Where the time goes (CPU milliseconds per saga)",
        "",
        "| workload | " + " | ".join(_programs(runs)) + " |",
    ]
    lines.append("|---|" + "---|" * len(_programs(runs)))
    for run in runs:
        if run.cpu_ms_per_saga:
            lines.append(
                f"| {run.name} | " + " | ".join(f"{run.cpu_ms_per_saga.get(p, 0):.2f}" for p in _programs(runs)) + " |"
            )
    lines += [
        "",
        "Memory after the runs (MB resident): " + "; ".join(f"{r.name}: {r.rss_mb}" for r in runs if r.rss_mb),
        "",
    ]
    return "\n".join(lines)


def _programs(runs: Sequence[Run]) -> list[str]:
    return sorted({name for run in runs for name in run.cpu_ms_per_saga})
