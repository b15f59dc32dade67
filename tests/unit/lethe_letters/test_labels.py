"""What the register and the record name by codes has words in every language, and none is left out of a letter."""

import tomllib
from datetime import date
from importlib import resources

import pytest

from lethe_law import EXTENSION_REASONS
from lethe_letters import Authority, Contact, Erased, IncompleteLetter, Language, Letters, Refused, Sender, Words
from lethe_letters.facts import Reason

SENDER = Sender(name="Acme", contact=Contact(name="Desk", email="privacy@acme.example"))
HEAD = {"sender": SENDER, "reference": "L-1", "written_on": date(2026, 5, 1)}


def tables(language):
    path = resources.files("lethe_letters").joinpath("words", f"{language}.labels.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", Language)
def test_every_language_has_the_same_codes_and_a_word_for_each(language):
    english, theirs = tables(Language.EN), tables(language)
    assert {t: sorted(words) for t, words in theirs.items()} == {t: sorted(words) for t, words in english.items()}
    assert all(word.strip() for words in theirs.values() for word in words.values())


@pytest.mark.parametrize("language", Language)
def test_every_reason_of_an_extension_has_words(language):
    assert set(EXTENSION_REASONS) == set(tables(language)["reasons"])


def test_a_code_without_a_word_takes_that_of_the_nearest_general_one_or_is_shown_as_it_is():
    words = Words(Language.DE)
    assert words.label("categories", "user.contact.email") == "E-Mail-Adresse"
    assert words.label("categories", "user.contact.fax_number") == "Kontaktdaten"
    assert words.label("mechanisms", "own_thing") == "own thing"
    assert words.country("US") == "Vereinigte Staaten"


@pytest.mark.parametrize("language", Language)
def test_what_is_promised_is_not_told_as_done(language):
    rendered = Letters().render(
        Erased(**HEAD, categories=(), done_on=date(2026, 5, 1), pending=("newsletter list",)), language
    )
    assert rendered.parts == ("pending",)
    assert "newsletter list" in rendered.text
    done = Letters().render(Erased(**HEAD, categories=("cookies",), done_on=date(2026, 5, 1)), language)
    assert rendered.subject != done.subject


def test_a_letter_of_an_erasure_that_erased_nothing_and_promises_nothing_is_none():
    with pytest.raises(IncompleteLetter, match="categories"):
        Erased(**HEAD, categories=(), done_on=date(2026, 5, 1))


@pytest.mark.parametrize("language", Language)
def test_an_authority_is_named_also_where_its_address_is_not_known(language):
    authority = Authority(name="Office of Northland", website="https://dpo.example")
    reasons = (Reason(category="all", ground="excessive"),)
    text = Letters().render(Refused(**HEAD, rights=("erasure",), reasons=reasons, authority=authority), language).text
    assert "Office of Northland, https://dpo.example" in text
