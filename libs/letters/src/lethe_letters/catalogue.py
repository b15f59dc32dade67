"""The catalogue of letters, printed from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_letters.letters import Letters
from lethe_letters.parts import KINDS
from lethe_letters.samples import samples
from lethe_letters.words import Language

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Letters

Printed by `docs/print.py` from the tables and templates of `libs/letters`.

Each letter exists in every language, as text and HTML from one template. A letter without a part that is required of
it is not given out: rendering raises `PartMissing`, and a controller's own template that drops one is refused
when it is read.
"""


def letters_page() -> str:
    """Markdown: kinds with their parts, articles and conditions, then the subject of each in each language."""
    return "\n".join([_HEAD, *_kinds(), "", *_subjects(), ""])


def _kinds() -> Iterator[str]:
    yield "## What each letter has to say\n"
    yield "| letter | part | Art. | required |"
    yield "|---|---|---|---|"
    for kind in KINDS.values():
        for number, part in enumerate(kind.parts):
            name = f"`{kind.name}`" if number == 0 else ""
            when = part.when if part.when == "always" else f"when {part.when}"
            yield f"| {name} | {part.id} | {part.article} | {when} |"


def _subjects() -> Iterator[str]:
    letters = Letters()
    yield "## Their subjects\n"
    for language in Language:
        yield f"- **{language}**"
        for kind in KINDS:
            yield f"  - `{kind}`: {letters.render(samples(kind)[0], language).subject}"
