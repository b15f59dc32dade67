"""From what a template writes to a document of sections, paragraphs and list items.

A template writes plain paragraphs: a blank line ends one, `- ` begins a list item, `# ` a heading. Parts and values
are told apart from its words by code points of the private use area, which are taken out of every value first: no
value can begin a paragraph, an item, a part or a link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VALUE, PART, PART_NAMED, PART_END, LINK, LINK_END, SUBJECT, SUBJECT_END = (chr(0xE000 + n) for n in range(8))
_OWN = re.compile("[\ue000-\uf8ff]")
_LINK = re.compile(f"{LINK}([^{LINK_END}]*){LINK_END}")
_BREAKS = re.compile(r"[ \x00-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+")
_SUBJECT = re.compile(f"{SUBJECT}([^{SUBJECT_END}]*){SUBJECT_END}")
_TOKEN = re.compile(f"({PART}[^{PART_NAMED}]*{PART_NAMED}|{PART_END})")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text; with `href` it is a link."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    kind: str  # "paragraph", "item" or "heading"
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks of one part, or those between parts (`part` is None)."""

    part: str | None
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Document:
    subject: str
    sections: tuple[Section, ...]


def one_line(value: str) -> str:
    """Without line breaks, control characters and marks of direction."""
    return _BREAKS.sub(" ", value)


def clean(value: str) -> str:
    """One line without our own code points, and without space around it."""
    return one_line(_OWN.sub("", value)).strip()


def parse(stream: str) -> Document:
    """The document that a template wrote. The last subject wins, so that an override can include and rename."""
    subjects = _SUBJECT.findall(stream)
    part: str | None = None
    sections: list[Section] = []
    for token in _TOKEN.split(_SUBJECT.sub("", stream)):
        if token.startswith(PART):
            part = token[1:-1]
        elif token == PART_END:
            part = None
        elif blocks := _blocks(token):
            sections.append(Section(part, blocks))
    return Document(clean(subjects[-1]) if subjects else "", tuple(sections))


def _blocks(text: str) -> tuple[Block, ...]:
    found: list[tuple[str, list[str]]] = []
    open_ = False
    for line in (line.strip(" \t\r") for line in text.split("\n")):
        if not line:
            open_ = False
        elif line.startswith(("- ", "# ")):
            found.append(("item" if line[0] == "-" else "heading", [line[2:]]))
            open_ = line[0] == "-"
        elif open_:
            found[-1][1].append(line)
        else:
            found.append(("paragraph", [line]))
            open_ = True
    made = (Block(kind, _spans(" ".join(lines))) for kind, lines in found)
    return tuple(block for block in made if block.text.strip())


def _spans(text: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    for number, piece in enumerate(_LINK.split(text)):
        words = re.sub(r"[ \t]+", " ", piece.replace(VALUE, ""))
        if words:
            spans.append(Span(words.removeprefix("mailto:"), words) if number % 2 else Span(words))
    return tuple(spans)
