"""`python -m lethe_local up|down|status|demo`."""

from __future__ import annotations

import sys

from lethe_local.cli import main

if __name__ == "__main__":
    sys.exit(main())
