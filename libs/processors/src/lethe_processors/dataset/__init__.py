"""Databases described in fideslang dataset YAML, with a `lethe:` section for what erasure does."""

from lethe_processors.dataset.check import check_dataset
from lethe_processors.dataset.check_rights import check_rights
from lethe_processors.dataset.graph import Carrier, Edge, Graph
from lethe_processors.dataset.model import Collection, Dataset, Field
from lethe_processors.dataset.parse import Parsed, parse_dataset

__all__ = [
    "Carrier",
    "Collection",
    "Dataset",
    "Edge",
    "Field",
    "Graph",
    "Parsed",
    "check_dataset",
    "check_rights",
    "parse_dataset",
]
