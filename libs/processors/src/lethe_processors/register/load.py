"""Reading the directory of a register: every problem of every file, then the whole or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lethe_events.words import Verb
from lethe_processors.dataset import Parsed, check_dataset, check_rights, parse_dataset
from lethe_processors.errors import RegisterError
from lethe_processors.problems import Problem
from lethe_processors.register.check import (
    check_capabilities,
    check_dataset_words,
    check_names,
    check_order,
    check_sql,
    check_words,
)
from lethe_processors.register.grounds import check_dataset_grounds, check_grounds
from lethe_processors.register.models import HttpSettings, Processor, Register, SqlSettings
from lethe_processors.register.taxonomy import FILE as TAXONOMY_FILE
from lethe_processors.register.taxonomy import Taxonomy, default_taxonomy
from lethe_processors.register.version import version_of
from lethe_processors.yaml_source import Document, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def load_register(directory: Path) -> Register:
    """The register in `directory` (`*.yaml`, one processor each, and the dataset files they name).

    Raises RegisterError with every blocking problem, not with the first.
    """
    reading = _read(directory)
    blocking = [p for p in reading.problems if p.blocking]
    if blocking:
        raise RegisterError(blocking)
    return Register(version=version_of(reading.contents), processors=reading.processors)


def check_register(directory: Path) -> list[Problem]:
    """All problems, warnings included, by file and line. Reads files only; `check_live` looks into the databases."""
    return _read(directory).problems


@dataclass(slots=True)
class _Reading:
    directory: Path
    problems: list[Problem] = field(default_factory=list)
    processors: dict[str, Processor] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    datasets: dict[str, Parsed | None] = field(default_factory=dict)
    contents: dict[str, object] = field(default_factory=dict)

    def document(self, path: Path) -> Document | None:
        document, problems = read_yaml(path, self.name(path))
        self.problems += problems
        if document is not None:
            self.contents[self.name(path)] = document.data
        return document

    def name(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix() if path.is_relative_to(self.directory) else path.as_posix()


def _read(directory: Path) -> _Reading:
    reading = _Reading(directory)
    files = sorted(p for p in directory.glob("*.yaml") if p.name != TAXONOMY_FILE) if directory.is_dir() else []
    if not files:
        fix = "name a directory with one YAML file per processor."
        reading.problems.append(Problem(str(directory), None, "(directory)", "no processor is described here.", fix))
        return reading
    taxonomy = _taxonomy(reading)
    for path in files:
        _read_processor(reading, path, taxonomy)
    reading.problems += check_order(_documents_by_id(reading), reading.processors)
    reading.problems.sort(key=lambda p: (p.file, p.line or 0, p.field, p.message))
    return reading


def _documents_by_id(reading: _Reading) -> Mapping[str, Document]:
    return {name: reading.documents[name] for name in reading.processors}


def _taxonomy(reading: _Reading) -> Taxonomy:
    path = reading.directory / TAXONOMY_FILE
    document = reading.document(path) if path.exists() else None
    return default_taxonomy().extended(document) if document else default_taxonomy()


def _read_processor(reading: _Reading, path: Path, taxonomy: Taxonomy) -> None:
    document = reading.document(path)
    if document is None:
        return
    if not isinstance(document.data, dict) or "dataset" in document.data:
        fix = "describe the processor as docs/register.md shows; `dataset` is put in by the loader."
        reading.problems.append(document.problem((), "it is not the description of a processor.", fix))
        return
    try:
        processor = Processor.model_validate(document.data)
    except ValidationError as error:
        reading.problems += document.problems_of(error)
        return
    reading.problems += check_names(document, processor, path.stem)
    reading.problems += check_words(document, processor, taxonomy)
    reading.problems += check_grounds(document, processor)
    reading.problems += check_capabilities(document, processor)
    if isinstance(processor.connector, SqlSettings):
        processor = _with_dataset(reading, document, processor, taxonomy)
    if isinstance(processor.connector, HttpSettings):
        reading.problems += _profile(document, processor.connector)
    reading.processors[processor.id] = processor
    reading.documents[processor.id] = document


def _profile(document: Document, settings: HttpSettings) -> list[Problem]:
    from lethe_processors.http import HttpProfile

    try:
        HttpProfile.model_validate(dict(settings.profile))
    except ValidationError as error:
        return document.problems_of(error, ("connector",))
    return []


def _with_dataset(reading: _Reading, document: Document, processor: Processor, taxonomy: Taxonomy) -> Processor:
    assert isinstance(processor.connector, SqlSettings)
    path = reading.directory / processor.connector.dataset
    first_time = reading.name(path) not in reading.datasets
    parsed = _dataset(reading, document, path)
    if parsed is None or parsed.dataset is None:
        return processor
    if first_time:
        reading.problems += check_dataset_words(parsed, taxonomy)
        reading.problems += check_dataset_grounds(parsed)
    erases = Verb.ERASE in processor.capabilities.verbs
    found = check_dataset(parsed, parsed.dataset, processor.identities, erases=erases)
    reading.problems += found
    if not found:  # else the graph may be none
        ordinary, verbs = processor.connector.ordinary is not None, processor.capabilities.verbs
        reading.problems += check_rights(parsed, parsed.dataset, processor.identities, verbs, ordinary=ordinary)
    reading.problems += check_sql(document, processor, parsed)
    return processor.model_copy(update={"dataset": parsed.dataset})


def _dataset(reading: _Reading, document: Document, path: Path) -> Parsed | None:
    """Parsed once, however many processors name the file."""
    name = reading.name(path)
    if name in reading.datasets:
        return reading.datasets[name]
    reading.datasets[name] = None
    if not path.resolve().is_relative_to(reading.directory.resolve()):
        fix = "keep dataset files beside the register: they are part of its version."
        reading.problems.append(document.problem(("connector", "dataset"), "the file is outside the register.", fix))
        return None
    if not path.is_file():
        reading.problems.append(
            document.problem(
                ("connector", "dataset"), f"there is no dataset file {name}.", "create it, or correct the path."
            )
        )
        return None
    found = reading.document(path)
    if found is not None:
        parsed = parse_dataset(found)
        reading.problems += parsed.problems
        reading.datasets[name] = parsed
    return reading.datasets[name]
