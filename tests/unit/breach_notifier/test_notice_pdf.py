"""The PDF of a notice: everything is in it, in every language of the EEA, and it is the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from breach_notifier.application.views import Version
from breach_notifier.domain.drafting import Content
from breach_notifier.entrypoints.pdf import notice_pdf, pieces
from lethe_law.breach.template import template

CASE = UUID(int=5)
WORDS = "Zażółć gęślą, Ελλάδα, България, Škoda, Ærø, ġurnata, ≈ 400"
CONTENT = Content({}, {3: "a", 12: "Acme GmbH", 52: f"{WORDS}\x07. {'Long. ' * 900}"}, (22, 49), (49,))
VERSION = Version(2, "ab" * 32, CONTENT, "", "2026-10-09T02:00:00+00:00", "kim")


def text_of(pdf):
    reader = PdfReader(io.BytesIO(pdf))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_every_answer_and_every_gap_is_in_it_with_its_number_and_name():
    found = text_of(notice_pdf(CASE, VERSION))
    assert f"12 {template()[12].name} Acme GmbH" in found
    assert f"22 {template()[22].name} not answered yet" in found
    assert "without field 49 no notice can be sent" in found
    assert "2 fields are not answered yet" in found
    for word in WORDS.split(", "):
        assert word in found, "letters of every language of the EEA"
    assert found.count("Long.") == 900, "what does not fit on a page goes on on the next"
    assert str(CASE) in found
    assert VERSION.sha256 in found


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=6000))
def test_no_answer_is_too_long_for_a_page_and_nothing_of_it_is_lost(text):
    cut = pieces(text)
    assert "".join(cut) == text
    assert all(len(piece) <= 2 * 1800 and piece.count("\n") <= 30 for piece in cut)


def test_the_longest_word_and_the_most_lines_are_rendered():
    answers = {3: "a", 12: "x" * 9000, 52: "line\n" * 300}
    assert "line line" in text_of(notice_pdf(CASE, replace(VERSION, content=replace(CONTENT, answers=answers))))


def test_the_same_version_is_the_same_bytes_and_another_one_is_not():
    first = notice_pdf(CASE, VERSION)
    written = PdfReader(io.BytesIO(first)).metadata
    assert written is not None
    assert written.creation_date == datetime.fromisoformat(VERSION.drafted_at), "no clock is asked"
    assert sha256(notice_pdf(CASE, VERSION)).digest() == sha256(first).digest()
    assert notice_pdf(CASE, replace(VERSION, number=3)) != first
