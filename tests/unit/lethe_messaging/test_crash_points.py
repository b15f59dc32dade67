from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def named_in(directory: Path) -> set[str]:
    code = "".join(path.read_text() for path in directory.rglob("*.py"))
    named = set(re.findall(r'crashpoint\("([a-z_.]+)"\)', code))
    for kind in re.findall(r'self\._works\.open\("([a-z]+)"\)', code):
        named |= {f"{kind}{end}" for end in re.findall(r'crashpoint\(f"\{kind\}([a-z_.]+)"\)', code)}
    return named


def with_points() -> dict[str, Path]:
    places = [*ROOT.glob("libs/*/src/*"), *ROOT.glob("services/*/src/*")]
    return {place.name: place for place in places if (place / "__init__.py").exists() and named_in(place)}


def listed_in(package: str) -> tuple[str, ...]:
    """The lists of a package: in `crash_points`, which in a service belongs to its application."""
    inside = "application.crash_points" if find_spec(f"{package}.application") else "crash_points"
    lists = vars(import_module(f"{package}.{inside}"))
    return tuple(point for name in lists if name.endswith("CRASH_POINTS") for point in lists[name])


@pytest.mark.parametrize("package", sorted(with_points()))
def test_every_crash_point_of_the_list_is_in_the_code_and_the_other_way_round(package: str) -> None:
    assert named_in(with_points()[package]) == set(listed_in(package))
    assert len(listed_in(package)) == len(set(listed_in(package)))


def test_all_that_reads_or_writes_for_good_has_crash_points_and_no_name_is_used_twice() -> None:
    assert with_points().keys() >= {
        "lethe_messaging",
        "lethe_vault",
        "lethe_processors",
        "intake",
        "orchestrator",
        "erasure_worker",
        "export_worker",
    }
    every = [name for package in with_points() for name in listed_in(package)]
    assert len(every) == len(set(every))
