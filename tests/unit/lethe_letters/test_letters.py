import html
import re
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from typing import Any

import pytest

from lethe_law import GROUNDS
from lethe_letters import (
    KINDS,
    Authority,
    IncompleteLetter,
    Language,
    Letter,
    Letters,
    PartiallyGranted,
    Reason,
    TemplateError,
    UnknownWord,
    letters_page,
)
from lethe_letters.samples import samples
from lethe_letters.words import Words

LETTERS = Letters()
EVERY = [(kind, language) for kind in KINDS for language in Language]

# What the law wants said, written down a second time and apart from the tables: kind → part → article.
LAW = {
    "extension": {"deadline": "12(3)", "reasons": "12(3)"},
    "access_answer": {
        "purposes": "15(1)(a)", "categories": "15(1)(b)", "recipients": "15(1)(c)", "storage": "15(1)(d)",
        "rights": "15(1)(e)", "authority": "15(1)(f)", "source": "15(1)(g)", "automated": "15(1)(h)",
        "safeguards": "15(2)", "copy": "15(3)",
    },
    "nothing_held": {"authority": "12(4), 77(1)", "court": "12(4), 79(1)"},
    "portability": {"copy": "20(1)", "transmission": "20(2)"},
    "rectified": {"recipients": "19"},
    "erased": {"recipients": "19"},
    "restricted": {"effect": "18(2)", "lifting": "18(3)", "recipients": "19"},
    "restriction_lifting": {"lifting": "18(3)"},
    "consent_withdrawn": {"stopped": "7(3)"},
    "automated_review": {"review": "22(3)", "authority": "12(4), 77(1)", "court": "12(4), 79(1)"},
    "partially_granted": {"reasons": "12(4)", "authority": "12(4), 77(1)", "court": "12(4), 79(1)", "recipients": "19"},
    "refused": {"reasons": "12(4)", "authority": "12(4), 77(1)", "court": "12(4), 79(1)"},
    "recipients_told": {"recipients": "19"},
    "breach_to_subject": {
        "nature": "34(2)", "contact": "34(2), 33(3)(b)", "consequences": "34(2), 33(3)(c)",
        "measures": "34(2), 33(3)(d)",
    },
    "breach_public": {
        "affected": "34(3)(c)",
        "nature": "34(2)", "contact": "34(2), 33(3)(b)", "consequences": "34(2), 33(3)(c)",
        "measures": "34(2), 33(3)(d)",
    },
    "breach_to_controller": {
        "notice": "33(2)", "nature": "33(2), 33(3)(a)", "contact": "33(2), 33(3)(b)",
        "consequences": "34(2), 33(3)(c)",
        "measures": "34(2), 33(3)(d)",
    },
}  # fmt: skip


def plain(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def values(value: Any, words: Words) -> list[str]:
    """Every fact of a letter, as the language writes it, without knowing which part it belongs to."""
    if isinstance(value, datetime):
        return [words.moment(value)]
    if isinstance(value, date):
        return [words.day(value)]
    if isinstance(value, tuple):
        return [found for each in value for found in values(each, words)]
    if is_dataclass(value):
        return [v for f in fields(value) if f.name not in CODES for v in values(getattr(value, f.name), words)]
    if isinstance(value, bool) or value is None:
        return []
    return [words.number(value) if isinstance(value, int) else str(value)]


CODES = {"rights", "ground", "basis", "point"}


def facts(letter: Letter, words: Words) -> list[str]:
    names = [f.name for f in fields(letter) if f.name not in {"sender", "addressee", *CODES}]
    return [fact for name in names for fact in values(getattr(letter, name), words)]


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_each_legally_required_part_is_in_each_language_in_text_and_html(kind: str, language: Language) -> None:
    for letter in samples(kind):
        rendered = LETTERS.render(letter, language)
        for part in KINDS[kind].required(letter):
            assert part.id in rendered.parts
            found = re.findall(rf'<section data-part="{part.id}">(.*?)</section>', rendered.html, re.DOTALL)
            for value in filter(None, part.shows(letter, Words(language))):
                assert value in plain("".join(found))
                assert value in rendered.text


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_fact_that_a_letter_is_given_stands_in_it(kind: str, language: Language) -> None:
    letter = samples(kind)[0]
    rendered = LETTERS.render(letter, language)
    for fact in facts(letter, Words(language)):
        assert fact in rendered.text, f"{kind} {language} text"
        assert fact in plain(rendered.html), f"{kind} {language} html"


@pytest.mark.parametrize("kind", LAW)
def test_the_table_of_parts_says_what_the_law_says(kind: str) -> None:
    required = {part.id: part.article for part in KINDS[kind].required(samples(kind)[0])}
    assert required.items() >= LAW[kind].items()


@pytest.mark.parametrize("language", Language)
def test_a_partial_refusal_names_reason_article_end_authority_and_court_itself(
    language: Language,
) -> None:
    letter = samples("partially_granted")[0]
    text = LETTERS.render(letter, language).text
    words = Words(language)
    for said in (
        words.ground("legal_obligation"), words.article("17(3)(b)"), "Accounts Act § 147",
        words.day(date(2036, 12, 31)),
        "Data Protection Office of Northland", "Castle Lane 3", "https://dpo.example",
        words.article("77(1)"), words.article("79(1)"),
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(
    ("language", "cited"),
    [
        ("en", "Article 17(3)(b) GDPR"),
        ("de", "Art. 17 Abs. 3 Buchst. b DSGVO"),
        ("fr", "article 17, paragraphe 3, point b) du RGPD"),
        ("es", "artículo 17, apartado 3, letra b) del RGPD"),
        ("it", "articolo 17, paragrafo 3, lettera b) del GDPR"),
        ("nl", "artikel 17, lid 3, onder b) AVG"),
        ("pl", "art. 17 ust. 3 lit. b RODO"),
    ],
)
def test_articles_are_cited_as_the_language_does(language: str, cited: str) -> None:
    words = Words(Language(language))
    assert words.article("17(3)(b)") == words.article("GDPR Art. 17(3)(b)") == cited


def test_other_laws_are_cited_as_they_were_given_and_the_uk_has_its_own() -> None:
    assert Words(Language.DE).article("FADP Art. 25") == "FADP Art. 25"
    assert Words(Language.EN, uk=True).article("15(1)") == "Article 15(1) UK GDPR"
    letter = samples("refused")[0]
    uk = LETTERS.render(replace(letter, sender=replace(letter.sender, uk=True)), Language.EN)
    assert "Article 12(4) UK GDPR" in uk.text


@pytest.mark.parametrize(
    ("language", "day"),
    [("en", "1 March 2026"), ("de", "1. März 2026"), ("fr", "1 mars 2026"), ("es", "1 de marzo de 2026"),
     ("it", "1 marzo 2026"), ("nl", "1 maart 2026"), ("pl", "1 marca 2026")],
)  # fmt: skip
def test_days_are_written_as_the_language_does(language: str, day: str) -> None:
    assert Words(Language(language)).day(date(2026, 3, 1)) == day


def test_an_instant_without_its_zone_is_no_deadline() -> None:
    with pytest.raises(ValueError, match="zone"):
        Words(Language.EN).moment(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("language", Language)
def test_every_ground_of_the_law_has_words_in_every_language(language: Language) -> None:
    words = Words(language)
    said = [words.ground(code) for code in GROUNDS]
    assert len(set(said)) == len(said)
    assert all(text.endswith(".") for text in said)


def test_no_two_languages_say_the_same() -> None:
    for kind in KINDS:
        subjects = {LETTERS.render(samples(kind)[0], language).subject for language in Language}
        assert len(subjects) == len(Language)
    assert len({Words(language).ground("excessive") for language in Language}) == len(Language)


def nasty(text: str) -> PartiallyGranted:
    letter = samples("partially_granted")[1]
    assert isinstance(letter, PartiallyGranted)
    authority = Authority(name=f"Office {text}", address="Lane 1", website="javascript:alert(1)")
    reason = Reason(category=text, ground="contract", until_event="later")
    return replace(letter, addressee=text, granted=(text,), reasons=(reason,), authority=authority)


def test_a_value_can_bring_neither_markup_nor_structure_nor_a_script_link() -> None:
    text = "<script>alert(1)</script>\r\n- item\n\n# head\ue000\ue001part\ue002 {{ 7*7 }}\u202ex"
    rendered = LETTERS.render(nasty(text), Language.EN)
    calm = LETTERS.render(nasty("calm"), Language.EN)
    assert "<script>" not in rendered.html
    assert "{{ 7*7 }}" in rendered.text
    for tag in ("<li>", "<h2", "<p>", "<section", "<a "):
        assert rendered.html.count(tag) == calm.html.count(tag)
    assert len(rendered.text.splitlines()) == len(calm.text.splitlines())
    assert "\u202e" not in rendered.text
    assert "\n" not in rendered.subject
    assert 'href="javascript' not in rendered.html
    assert "javascript:alert(1)" in rendered.text  # told, but nothing to click on


def test_a_letter_with_an_empty_fact_is_refused_by_the_name_of_the_field() -> None:
    letter = samples("extension")[0]
    with pytest.raises(IncompleteLetter, match="'extension' needs 'reasons'"):
        replace(letter, reasons=())
    with pytest.raises(IncompleteLetter, match="'extension' needs 'reasons'"):
        replace(letter, reasons=("good", " "))
    with pytest.raises(IncompleteLetter, match="'reference'"):
        replace(letter, reference=" ")
    with pytest.raises(IncompleteLetter, match="one of a, b, c, d"):
        replace(samples("restricted")[0], point="e")


def test_a_right_or_ground_without_words_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownWord, match=r"'flying'.*access"):
        LETTERS.render(replace(samples("acknowledgement")[0], rights=("flying",)), Language.EN)
    with pytest.raises(UnknownWord, match="'whim'"):
        Words(Language.PL).ground("whim")


def test_the_public_text_greets_nobody_and_names_who_is_concerned() -> None:
    text = LETTERS.render(samples("breach_public")[0], Language.EN).text
    assert "Nadia" not in text
    assert "customers since 2019" in text


def test_a_kind_without_a_part_would_say_so() -> None:
    assert all(kind.parts for kind in KINDS.values())
    assert set(KINDS) == {kind for kind in KINDS if samples(kind)}
    assert issubclass(UnknownWord, Exception)
    assert not issubclass(UnknownWord, TemplateError)


def test_the_catalogue_names_every_kind_part_and_language() -> None:
    page = letters_page()
    for kind in KINDS.values():
        assert f"`{kind.name}`" in page
        assert all(f"| {part.id} | {part.article} |" in page for part in kind.parts)
    assert all(f"- **{language}**" in page for language in Language)
