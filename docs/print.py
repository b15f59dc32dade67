"""Prints the pages that come from code, or checks that the committed ones are fresh (`--check`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from breach_notifier.domain.page import breach_page
from lethe_events.asyncapi import asyncapi_document, events_page
from lethe_letters import letters_page
from lethe_testkit.simulation.page import with_tables

DOCS = Path(__file__).parent


def _run(*argv: str) -> str:
    return subprocess.run([sys.executable, "-m", *argv], check=True, capture_output=True, text=True).stdout  # noqa: S603


def pages() -> dict[str, str]:
    """File under docs/ → its content as the code of this checkout prints it."""
    return {
        "events.md": events_page(),
        "asyncapi.json": json.dumps(asyncapi_document(), indent=1) + "\n",
        "letters.md": letters_page(),
        "breach-cases.md": breach_page(),
        "sagas.md": _run("orchestrator", "sagas-doc"),
        "simulation.md": with_tables((DOCS / "simulation.md").read_text()),
        "openapi/intake.json": _run("intake", "openapi"),
        "openapi/orchestrator.json": _run("orchestrator", "openapi"),
        "openapi/breach-notifier.json": _run("breach_notifier", "openapi"),
    }


def main() -> int:
    """Exit code 1 when `--check` finds a stale page; it is named, with the command that mends it."""
    check = sys.argv[1:] == ["--check"]
    stale = []
    for file, content in pages().items():
        path = DOCS / file
        if check:
            if not path.exists() or path.read_text() != content:
                stale.append(file)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    for file in stale:
        sys.stderr.write(f"docs/{file} is stale: run `make docs` and commit it\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
