"""A notice to authorities as PDF: to be read, attached to a portal's form, printed.

The same version gives the same bytes, so that the hash of a filed copy can be told again from what is stored. Letters
of every language of the EEA are in the font, which is embedded.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from fpdf import FPDF
from fpdf.fonts import FontFace

from breach_notifier.entrypoints.pages import rows_of
from lethe_law.breach.template import TEMPLATE

if TYPE_CHECKING:
    from uuid import UUID

    from breach_notifier.application.views import Version

_FONT: Final = "notice"
_INK, _SOFT, _RED, _LINE, _SHADE = (27, 35, 48), (93, 105, 120), (179, 38, 30), (221, 227, 234), (244, 246, 249)
_WIDTHS: Final = (9, 62, 99)  # shares of: field, what it asks, answer
_FITS, _LINE_FITS = 1800, 60  # characters: of an answer on one page, of one line of it
_WORD = re.compile(rf"\n|\S{{1,{_FITS}}}[^\S\n]{{0,99}}|[^\S\n]{{1,99}}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class _Paper(FPDF):
    """A4 with the name of the version at the foot of each page."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot
        fonts = files("font_source_sans_pro") / "files"
        self.add_font(_FONT, "", str(fonts / "SourceSansPro-Regular.ttf"))
        self.add_font(_FONT, "B", str(fonts / "SourceSansPro-Bold.ttf"))
        self.set_margins(20, 18, 20)
        self.set_auto_page_break(auto=True, margin=22)
        self.add_page()

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font(_FONT, size=7.5)
        self.set_text_color(*_SOFT)
        self.cell(0, 4, self._foot, align="L")
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")


def notice_pdf(case_id: UUID, version: Version) -> bytes:
    """Some tenths of a second of one core: not on the event loop."""
    content = version.content
    paper = _Paper(f"Case {case_id}, version {version.number}, SHA-256 {version.sha256[:16]}…")
    paper.set_title(f"Notification of a personal data breach, version {version.number}")
    paper.set_lang("en")
    paper.set_creator("Lethe")
    paper.set_producer("Lethe")
    paper.set_creation_date(datetime.fromisoformat(version.drafted_at))
    _head(paper, case_id, version)
    if content.unfilable:
        numbers = ", ".join(map(str, content.unfilable))
        _line(paper, f"Cannot be filed yet: without field {numbers} no notice can be sent.", 10, _RED, bold=True)
    if content.gaps:
        left = f"{len(content.gaps)} fields are not answered yet; they follow in a later phase (GDPR Art. 33(4))."
        _line(paper, left, 10, _RED)
    paper.ln(3)
    _table(paper, version)
    return bytes(paper.output())


def _head(paper: _Paper, case_id: UUID, version: Version) -> None:
    _line(paper, "Notification of a personal data breach", 18, _INK, bold=True)
    _line(paper, "to the supervisory authority, under Article 33 of Regulation (EU) 2016/679 (GDPR)", 10, _SOFT)
    paper.ln(3)
    drafted = f"{datetime.fromisoformat(version.drafted_at):%Y-%m-%d %H:%M} UTC by {version.drafted_by}"
    for name, value in (
        ("Case", str(case_id)),
        ("Version", f"{version.number}, {version.content.status.value}"),
        ("Drafted", drafted),
        ("Form", TEMPLATE),
        ("SHA-256", version.sha256),
    ):
        paper.set_font(_FONT, "B", 9)
        paper.set_text_color(*_SOFT)
        paper.cell(22, 5, name)
        paper.set_font(_FONT, "", 9)
        paper.set_text_color(*_INK)
        paper.multi_cell(0, 5, _UNSEEN.sub(" ", value), new_x="LMARGIN", new_y="NEXT")
    paper.ln(2)


def _line(paper: _Paper, text: str, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
    paper.set_font(_FONT, "B" if bold else "", size)
    paper.set_text_color(*colour)
    paper.multi_cell(0, size / 2, text, new_x="LMARGIN", new_y="NEXT")


def _table(paper: _Paper, version: Version) -> None:
    paper.set_font(_FONT, "", 9)
    paper.set_draw_color(*_LINE)
    heading, gap = FontFace(emphasis="BOLD", color=_INK, fill_color=_SHADE), FontFace(color=_RED)
    plain, soft = FontFace(color=_INK), FontFace(color=_SOFT)
    section = None
    with paper.table(
        col_widths=_WIDTHS,
        borders_layout="HORIZONTAL_LINES",
        line_height=4.6,
        padding=1.2,
        text_align="LEFT",
        first_row_as_headings=False,
        v_align="TOP",
    ) as table:
        for each in rows_of(version):
            if each["section"] != section:
                section = each["section"]
                table.row().cell(f"Section {section} of the form", colspan=len(_WIDTHS), style=heading)
            number, name = str(each["number"]), each["name"]
            for piece in ["not answered yet"] if each["value"] is None else pieces(each["value"]):
                row = table.row()
                row.cell(number, style=soft)
                row.cell(name, style=plain)
                row.cell(piece, style=gap if each["value"] is None else plain)
                number, name = "", ""


def pieces(text: str) -> list[str]:
    """The same text in parts that each fit on a page, cut between words where there are any."""
    found, room = [""], _FITS
    for word in re.findall(_WORD, _UNSEEN.sub(" ", text)):
        weight = _LINE_FITS if word == "\n" else len(word)
        if weight > room:
            found.append("")
            room = _FITS
        found[-1] += word
        room -= weight
    return found
