from __future__ import annotations

import re
from pathlib import Path

import lethe_messaging
from lethe_messaging import CRASH_POINTS


def test_every_crash_point_of_the_list_is_in_the_code_and_the_other_way_round() -> None:
    code = "".join(path.read_text() for path in Path(lethe_messaging.__file__).parent.glob("*.py"))
    named = set(re.findall(r'crashpoint\("([a-z_.]+)"\)', code))
    for kind in re.findall(r'self\._works\.open\("([a-z]+)"\)', code):
        named |= {f"{kind}{end}" for end in re.findall(r'crashpoint\(f"\{kind\}([a-z_.]+)"\)', code)}
    assert named == set(CRASH_POINTS)
