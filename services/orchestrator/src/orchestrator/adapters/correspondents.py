"""For which controllers letters are written: those with `letters` in the file of controllers that intake reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

NONE = "none"


def correspondents(path: Path | None) -> frozenset[str]:
    """By id. What the settings of a controller's letters say, and whether it holds, is intake's to check.

    Raises ValueError for a file that is not a list of controllers.
    """
    if path is None:
        return frozenset()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = content["controllers"]
        return frozenset(e["controller_id"] for e in entries if e.get("letters") not in (None, NONE))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path.name} is not a list of controllers, each with a controller_id") from None
