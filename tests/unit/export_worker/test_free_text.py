"""Other people's identifiers in declared free text are redacted or withheld, the person's own stay. GDPR Art. 15(4)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export_worker.application.cleaning import CleaningSink, declared
from export_worker.domain.free_text import LONGEST, Finder
from lethe_events.words import Verb
from lethe_processors.dataset import parse_dataset
from lethe_processors.dataset.model import FreeText
from lethe_processors.yaml_source import parse_yaml
from lethe_testkit.tasks import item

OWN = {"email": ("ann@people.example",), "phone_number": ("+4930901820",), "iban": ("DE89370400440532013000",)}
FINDER = Finder.of(OWN, ("DE",))

WORDS = ("bob@people.example", "+4930901821", "ann@people.example", "hello", "42", "4111111111111111")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call Bob: bob@people.example.", "Call Bob: [email]."),
        ("BOB@People.Example and bob@people.example", "[email] and [email]"),
        ("mine: Ann@people.example", "mine: Ann@people.example"),  # the person's own, as they wrote it
        ("his number is +49 30 901821", "his number is [phone_number]"),
        ("at home 030 901821", "at home [phone_number]"),  # as people write it in one of the regions
        ("mine is +49 30 90 18 20", "mine is +49 30 90 18 20"),
        ("pay to GB82 WEST 1234 5698 7654 32!", "pay to [iban]!"),
        ("pay me: DE89 3704 0044 0532 0130 00", "pay me: DE89 3704 0044 0532 0130 00"),
        ("GB82 WEST 1234 5698 7654 33", "GB82 WEST 1234 5698 7654 33"),  # a wrong check digit is no account
        ("card 4111 1111 1111 1111", "card [card]"),
        ("card 4111 1111 1111 1112", "card 4111 1111 1111 1112"),
        ("order 2026-11-24, 12 pieces, 19.99 EUR", "order 2026-11-24, 12 pieces, 19.99 EUR"),
        ("", ""),
    ],
)
def test_what_identifies_others_is_replaced_by_its_kind(text, expected):
    assert FINDER.clean(text, withhold=False).text == expected


def test_a_value_may_be_withheld_whole_and_what_is_too_long_always_is():
    assert FINDER.clean("ask bob@people.example", withhold=True).text is None
    assert FINDER.clean("nobody is named", withhold=True).text == "nobody is named"
    cleaned = FINDER.clean("x" * (LONGEST + 1), withhold=False)
    assert (cleaned.text, cleaned.found) == (None, {"too_long": 1})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["bob@people.example", "+4930901821", "ann@people.example", "hello", "42", "4111111111111111"])
    )
)
def test_nothing_of_others_survives_and_nothing_of_ones_own_is_lost(words):
    text = FINDER.clean(" ; ".join(words), withhold=False).text
    assert not any(other in text for other in ("bob@", "901821", "4111111111111111"))
    assert text.count("ann@people.example") == words.count("ann@people.example")
    assert FINDER.clean(text, withhold=False).found == {}, "what was cleaned is clean"


class Taken:
    def __init__(self):
        self.records, self.told = [], []

    async def write(self, _item, collection, records):
        self.records += [(collection, dict(r)) for r in records]

    async def masked(self, _item, collection, fields, rows):
        self.told.append((collection, list(fields), rows))


async def test_only_declared_fields_are_looked_at_and_the_manifest_is_told():
    taken = Taken()
    fields = {"tickets": {("text",): FreeText(), ("more", "notes"): FreeText(withhold=True)}}
    sink = CleaningSink(taken, fields)
    asked = item("shop", Verb.EXPORT, 1, email="ann@people.example")
    records = [
        {"id": 1, "text": "ann@people.example asks bob@people.example", "cc": "bob@people.example"},
        {"id": 2, "text": None, "more": {"notes": ["bob@people.example", "fine"], "n": 1}},
        {"id": 3, "text": "nobody"},
    ]
    await sink.write(asked, "tickets", records)
    await sink.write(asked, "other", [{"text": "bob@people.example"}])
    assert [r for _, r in taken.records] == [
        {"id": 1, "text": "ann@people.example asks [email]", "cc": "bob@people.example"},
        {"id": 2, "text": None, "more": {"notes": [None, "fine"], "n": 1}},
        {"id": 3, "text": "nobody"},
        {"text": "bob@people.example"},
    ]
    assert taken.told == [("tickets", ["more.notes", "text"], 2)]
    assert records[0]["text"].endswith("bob@people.example"), "the record that was read is not changed"


DATASET = """
dataset:
  - fides_key: shop
    name: Shop
    collections:
      - name: tickets
        lethe: {{erase: delete}}
        fields:
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: text, data_categories: [user.content], lethe: {{free_text: {said}}}}}
"""


def parsed(said):
    document, problems = parse_yaml(DATASET.format(said=said), "shop.yaml")
    assert problems == []
    return parse_dataset(document)


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ("redact", FreeText()),
        ("withhold", FreeText(withhold=True)),
        ("{others: redact, regions: [DE, AT]}", FreeText(regions=("DE", "AT"))),
    ],
)
def test_a_field_is_declared_in_the_dataset(said, policy):
    assert declared(parsed(said).dataset) == {"tickets": {("text",): policy}}


@pytest.mark.parametrize("said", ["shred", "{regions: [germany]}", "{others: redact, names: true}"])
def test_a_policy_that_does_not_exist_is_a_problem_of_the_dataset(said):
    assert any("free_text" in str(p) for p in parsed(said).problems)


def test_a_register_without_free_text_pays_nothing():
    assert declared(None) == {}
