from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

LISTS = {
    "lethe_messaging": "lethe_messaging.crash_points",
    "lethe_vault": "lethe_vault.crash_points",
    "lethe_delivery": "lethe_delivery.crash_points",
    "lethe_processors": "lethe_processors.crash_points",
    "intake": "intake.application.crash_points",
    "orchestrator": "orchestrator.application.crash_points",
    "erasure_worker": "erasure_worker.application.crash_points",
    "export_worker": "export_worker.application.crash_points",
}


def named_in(package: str) -> set[str]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    code = "".join(path.read_text() for path in Path(spec.origin).parent.rglob("*.py"))
    named = set(re.findall(r'crashpoint\("([a-z_.]+)"\)', code))
    for kind in re.findall(r'self\._works\.open\("([a-z]+)"\)', code):
        named |= {f"{kind}{end}" for end in re.findall(r'crashpoint\(f"\{kind\}([a-z_.]+)"\)', code)}
    return named


@pytest.mark.parametrize("package", LISTS)
def test_every_crash_point_of_the_list_is_in_the_code_and_the_other_way_round(package: str) -> None:
    listed = import_module(LISTS[package]).CRASH_POINTS
    assert named_in(package) == set(listed)
    assert len(listed) == len(set(listed))


def test_no_other_package_has_crash_points_and_no_name_is_used_twice() -> None:
    root = Path(__file__).parents[3]
    packages = {p.name for p in [*root.glob("libs/*/src/*"), *root.glob("services/*/src/*")] if p.is_dir()}
    with_points = {p for p in packages if "." not in p and find_spec(p) is not None and named_in(p)}
    assert with_points == set(LISTS)
    every = [name for module in LISTS.values() for name in import_module(module).CRASH_POINTS]
    assert len(every) == len(set(every))
