"""The rules of the layout, each as a check that fails."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    p.parent
    for pattern in ("libs/*", "services/*", "deploy/local", "examples/*")
    for p in ROOT.glob(f"{pattern}/pyproject.toml")
)
SERVICES = sorted(p.parent for p in ROOT.glob("services/*/pyproject.toml"))
SOURCES = sorted(f for p in PACKAGES for f in (p / "src").rglob("*.py"))
MAX_LINES = 350
MAX_TEST_LINES = 500
MAX_FUNCTION_LINES = 60


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_grows_beyond_what_can_be_read_in_one_sitting() -> None:
    bounds = dict.fromkeys(SOURCES, MAX_LINES) | dict.fromkeys((ROOT / "tests").rglob("*.py"), MAX_TEST_LINES)
    lengths = {path: len(path.read_text().splitlines()) for path in bounds}
    assert {name(path): lines for path, lines in lengths.items() if lines > bounds[path]} == {}


def test_no_function_grows_beyond_one_screen() -> None:
    long = {
        f"{name(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("service", SERVICES, ids=name)
def test_every_service_has_the_same_rooms(service: Path) -> None:
    package = service / "src" / service.name.replace("-", "_")
    rooms = ["domain", "py.typed"]
    if {p.name for p in package.iterdir()} - {"__init__.py", "__pycache__", "domain", "py.typed"}:
        # more than a domain that stands alone: then it is a program, with all that a program has
        rooms += ["__main__.py", "bootstrap.py", "settings.py", "entrypoints", "adapters", "application"]
    for room in rooms:
        assert (package / room).exists(), f"{name(package)} lacks {room}"
    readme = (service / "README.md").read_text().lower()
    for word in ("owns", "takes", "gives", "tables", "ways it fails"):
        assert word in readme, f"{name(service)}/README.md does not say {word!r}"


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_a_package_declares_what_it_imports_and_nothing_else(package: Path) -> None:
    """One venv hides undeclared dependencies; the image of one service would not start."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    every = [
        *project["dependencies"],
        *(d for extra in project.get("optional-dependencies", {}).values() for d in extra),
    ]
    declared = {re.split(r"[\[<>=!~; ]", d)[0].lower().replace("_", "-") for d in every}
    own = project["name"]
    imported = set()
    for path in (package / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported.add(node.module.split(".")[0])
    distributions = packages_distributions() | {
        path.name: [tomllib.loads((p / "pyproject.toml").read_text())["project"]["name"]]
        for p in PACKAGES
        for path in (p / "src").iterdir()
    }
    needed = {
        distributions.get(module, [f"?{module}"])[0].lower().replace("_", "-")
        for module in imported
        if module not in sys.stdlib_module_names
    } - {own}
    assert needed - declared == set(), "imported, not declared"
    assert {d for d in declared - needed if d.startswith("lethe-")} == set(), "declared, not imported"


def test_no_library_knows_a_service_by_name() -> None:
    names = re.compile(r"\b(orchestrator|erasure_worker|export_worker|breach_notifier)\b")
    known = {"libs/client", "libs/testkit"}
    offenders = {
        name(path)
        for path in SOURCES
        if path.is_relative_to(ROOT / "libs") and not any(path.is_relative_to(ROOT / k) for k in known)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and names.search(node.id))
        or (isinstance(node, ast.FunctionDef | ast.ClassDef) and names.search(node.name))
    }
    assert offenders == set()


def test_the_domain_takes_time_and_chance_from_outside() -> None:
    banned = re.compile(
        r"(datetime\.now|datetime\.today|date\.today|time\.time|time\.monotonic|uuid\.?uuid4|os\.urandom|random\.|secrets\.).*"
    )
    offenders = {
        f"{name(path)}: {ast.unparse(node.func)}"
        for path in SOURCES
        if "domain" in path.parts or "lethe_law" in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and banned.fullmatch(ast.unparse(node.func))
    }
    assert offenders == set()


def test_only_the_saga_store_changes_a_saga() -> None:
    """A status written in many places is how requests get stuck: one life cycle, one place."""
    writers = {
        name(path)
        for path in tracked()
        if path.suffix in {".py", ".sql"} and "migrations" not in path.parts and "tests" not in path.parts
        if re.search(r"\bUPDATE\s+(orchestrator\.)?saga\b", path.read_text())
    }
    assert len(writers) == 1
    assert next(iter(writers)).startswith("services/orchestrator/src/orchestrator/adapters/")


def test_nothing_names_a_registry_host_or_a_path_of_one_machine() -> None:
    hosts = "|".join(("//py" + "pi", "python" + "hosted", "npm" + "js", "//repo[0-9]?.mav" + "en"))
    folders = "(?<![A-Za-z0-9_.])/(wo" + "rk|fa" + "rm|ro" + "ot)/[a-z]"
    pattern = re.compile(f"{hosts}|{folders}|[.][.]/sha" + "red")
    offenders = [
        name(p) for p in tracked() if p.stat().st_size < 2_000_000 and pattern.search(p.read_text(errors="ignore"))
    ]
    assert offenders == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=name)
def test_a_decision_record_fits_on_one_page_and_has_its_parts(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    for part in ("## Context", "## Decision", "## Consequences", "## Alternatives"):
        assert part in text
