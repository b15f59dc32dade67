"""YAML with line numbers, so that a problem can say where it is.

Booleans are `true` and `false` only, as in YAML 1.2: in YAML 1.1 the country code NO is a boolean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import MappingNode, SequenceNode

from lethe_processors.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from yaml.nodes import Node

Path_ = tuple[str | int, ...]
_BOOL = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """SafeLoader with the booleans of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file and where each of its parts begins. Lines count from 1."""

    file: str
    data: Any
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def line(self, path: Path_) -> int | None:
        """Line of the part, or of the nearest part around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: Path_, message: str, fix: str, *, blocking: bool = True) -> Problem:
        dotted = ".".join(str(p) for p in path) or "(file)"
        return Problem(self.file, self.line(path), dotted, message, fix, blocking)

    def problems_of(self, error: ValidationError, prefix: Path_ = ()) -> list[Problem]:
        """What pydantic found, without the values it found."""
        return [
            self.problem(
                self._path(prefix, e["loc"]),
                _plain(e["msg"], e["type"]),
                _FIXES.get(e["type"], "correct the value as docs/register.md and docs/datasets.md describe."),
            )
            for e in error.errors(include_input=False, include_url=False, include_context=False)
        ]

    def _path(self, prefix: Path_, location: Path_) -> Path_:
        """Without the branches of a union that pydantic names in between (`sql`), which are no keys of the file."""
        path = prefix
        for i, part in enumerate(location):
            is_last = i == len(location) - 1
            if isinstance(part, int) or (*path, part) in self.lines or (is_last and "[" not in part):
                path = (*path, part)
        return path


_FIXES = {
    "missing": "add the field.",
    "extra_forbidden": "remove it, or correct its spelling.",
    "string_type": "quote the value if it has to be text.",
    "string_pattern_mismatch": "write it in the form of the pattern.",
}


def _plain(message: str, type_: str) -> str:
    return "this field is not known" if type_ == "extra_forbidden" else message[:1].lower() + message[1:] + "."


def read_yaml(path: Path, name: str) -> tuple[Document | None, list[Problem]]:
    """The file as data with lines, or why it cannot be read. Doubled keys are problems: one would be lost."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, [Problem(name, None, "(file)", "there is no such file.", "create it, or correct the path.")]
    except (OSError, UnicodeDecodeError):
        return None, [Problem(name, None, "(file)", "the file cannot be read.", "make it readable UTF-8 text.")]
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> tuple[Document | None, list[Problem]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        reason = getattr(error, "problem", None) or "it is not valid YAML"
        return None, [Problem(name, line, "(file)", f"{reason}.", "correct the YAML; check indentation and quotes.")]
    finally:
        loader.dispose()
    lines: dict[Path_, int] = {}
    doubled: list[tuple[Path_, int]] = []
    if node is not None:
        _walk(node, (), lines, doubled)
    document = Document(name, data, lines)
    return document, [
        Problem(name, at, ".".join(map(str, p)), "the key is there twice.", "keep one of them.") for p, at in doubled
    ]


def _walk(node: Node, path: Path_, lines: dict[Path_, int], doubled: list[tuple[Path_, int]]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                doubled.append(((*path, name), key.start_mark.line + 1))
            seen.add(name)
            lines[(*path, name)] = key.start_mark.line + 1
            _walk(value, (*path, name), lines, doubled)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, doubled)
