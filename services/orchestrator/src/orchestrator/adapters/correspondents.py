"""For which controllers letters are written: those with `letters` in the file of controllers that intake reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from orchestrator.application.correspondence import LIFT_NOTICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NONE = "none"


def correspondents(path: Path | None) -> Mapping[str, int]:
    """By id, with the days between the letter that a restriction ends and its lifting.

    What else the settings of a controller's letters say, and whether it holds, is intake's to check.

    Raises ValueError for a file that is not a list of controllers.
    """
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = content["controllers"]
        written = {e["controller_id"]: e["letters"] for e in entries if e.get("letters") not in (None, NONE)}
        return {name: _days(letters.get("lift_notice", LIFT_NOTICE)) for name, letters in written.items()}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path.name} is not a list of controllers, each with a controller_id, lift_notice in days"
        ) from None


def _days(said: object) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said <= 365:  # noqa: PLR2004 - a year
        raise TypeError
    return said
