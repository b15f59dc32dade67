from __future__ import annotations

from typing import Any

import pytest

from intake.domain.asked import NOTHING, PLAIN, Asked, check_asked
from intake.domain.corrections import MAX_PLACES, MAX_VALUE
from intake.domain.described import Described
from lethe_events.words import RestrictionGround, Right

KNOWN = Described(
    fields={
        "customers.last_name": frozenset({"string"}),
        "shop:customers.last_name": frozenset({"string"}),
        "customers.children": frozenset({"integer"}),
        "customers.subscribed": frozenset({"boolean"}),
        "customers.score": frozenset({"float"}),
        "cards.holder_name": frozenset({None}),
        "shop:cards.holder_name": frozenset({None}),
    },
    by_category={"user.name.last": ("shop:customers.last_name", "shop:cards.holder_name")},
    held={
        "customers.last_name": frozenset({"user.name.last"}),
        "shop:customers.last_name": frozenset({"user.name.last"}),
        "customers.children": frozenset({"user.demographic"}),
    },
    processors={"shop": True, "helpdesk": False},
    purposes=frozenset({"marketing.advertising", "essential.service"}),
    categories=frozenset({"user.name.last", "user.contact.email"}),
)

GOOD: list[tuple[Right, Asked]] = [
    (Right.ACCESS, NOTHING),
    (Right.PORTABILITY, NOTHING),
    (Right.PORTABILITY, Asked(formats=("JSON", "csv", "xml"))),
    (Right.RECTIFICATION, Asked(corrections={"customers.last_name": "Example"}, contested=True)),
    (Right.RECTIFICATION, Asked(completions={"customers.last_name": "Example"}, categories=("user.name.last",))),
    (Right.RESTRICTION, Asked(ground=RestrictionGround.LEGAL_CLAIMS, categories=("user.contact",))),
    (Right.OBJECTION, Asked(direct_marketing=True)),
    (Right.OBJECTION, Asked(purposes=("essential.service",), grounds="A stalker reads it.")),
    (Right.CONSENT_WITHDRAWAL, Asked(purposes=("marketing.advertising",))),
    (Right.AUTOMATED_DECISION, Asked(decision="loan/2026-17")),
]

WRONG: list[tuple[Right, Asked, str, str]] = [
    # what a right needs
    (Right.RECTIFICATION, NOTHING, "corrections", "nothing to correct"),
    (Right.RECTIFICATION, Asked(contested=True), "corrections", "nothing to correct"),
    (Right.RESTRICTION, NOTHING, "ground", "is missing"),
    (Right.OBJECTION, NOTHING, "purposes", "nothing objected to"),
    (Right.OBJECTION, Asked(purposes=("essential.service",)), "grounds", "is missing"),
    (Right.OBJECTION, Asked(purposes=("essential.service",), grounds=" \n"), "grounds", "is missing"),
    (Right.CONSENT_WITHDRAWAL, NOTHING, "purposes", "names no consent"),
    (Right.AUTOMATED_DECISION, NOTHING, "decision", "is missing"),
    # what belongs to another right
    (Right.ERASURE, Asked(corrections={"customers.last_name": "x"}), "corrections", "only with right rectification"),
    (Right.ERASURE, Asked(completions={"customers.last_name": "x"}), "completions", "only with right rectification"),
    (Right.ACCESS, Asked(contested=True), "contested", "only with right rectification"),
    (Right.ACCESS, Asked(categories=("user.name.last",)), "categories", "rectification or restriction"),
    (Right.ERASURE, Asked(ground=RestrictionGround.UNLAWFUL), "ground", "only with right restriction"),
    (Right.ERASURE, Asked(direct_marketing=True), "direct_marketing", "only with right objection"),
    (Right.ERASURE, Asked(purposes=("essential.service",)), "purposes", "objection or consent_withdrawal"),
    (Right.ERASURE, Asked(grounds="why not"), "grounds", "only with right objection"),
    (Right.ACCESS, Asked(formats=("json",)), "formats", "only with right portability"),
    (Right.ERASURE, Asked(decision="1"), "decision", "only with right automated_decision"),
    # what the register does not know
    (Right.CONSENT_WITHDRAWAL, Asked(purposes=("marketing.telepathy",)), "purposes[0]", "is no purpose"),
    (
        Right.RESTRICTION,
        Asked(ground=RestrictionGround.UNLAWFUL, categories=("user.health",)),
        "categories[0]",
        "is no",
    ),
    (Right.RESTRICTION, Asked(ground=RestrictionGround.UNLAWFUL, categories=("user.na",)), "categories[0]", "is no"),
    # what is no portable copy
    (Right.PORTABILITY, Asked(formats=("json", "pdf")), "formats[1]", "not machine-readable"),
    (Right.PORTABILITY, Asked(formats=("PDF",)), "formats[0]", "Art. 20(1)"),
    (Right.PORTABILITY, Asked(formats=("xlsx",)), "formats[0]", "is not a format"),
]


@pytest.mark.parametrize(("right", "asked"), GOOD)
def test_each_right_is_accepted_with_what_it_needs(right: Right, asked: Asked) -> None:
    assert check_asked(right, asked, KNOWN)[2] == []


@pytest.mark.parametrize(("right", "asked", "field", "words"), WRONG)
def test_each_fault_of_a_right_names_its_field_and_what_to_do(
    right: Right, asked: Asked, field: str, words: str
) -> None:
    (fault,) = check_asked(right, asked, KNOWN)[2]
    assert fault.field == field
    assert words in fault.message
    assert fault.fix


def test_what_is_told_holds_no_value_and_no_words_of_the_person() -> None:
    asked = Asked(corrections={"customers.last_name": "Castellanos"}, contested=True, categories=("user.name.last",))
    particulars, corrections, _ = check_asked(Right.RECTIFICATION, asked, KNOWN)
    assert particulars.said() == {
        "categories": ["user.name.last"], "contested": True, "places": ["customers.last_name"],
    }  # fmt: skip
    assert corrections == {"customers.last_name": "Castellanos"}
    objection = Asked(purposes=("essential.service",), grounds="A stalker reads it.")
    assert check_asked(Right.OBJECTION, objection, KNOWN)[0].said() == {"purposes": ["essential.service"]}
    assert "Castellanos" not in repr(asked)
    assert "stalker" not in repr(objection)


@pytest.mark.parametrize(
    ("places", "categories"),
    [
        (("customers.last_name", "customers.children"), ("user.demographic", "user.name.last")),
        (("customers.last_name", "cards.holder_name"), ()),  # what that holds nobody says: everybody is asked
        (("helpdesk:tickets.subject",), ()),
    ],
)
def test_only_who_holds_what_is_corrected_needs_to_be_asked(
    places: tuple[str, ...], categories: tuple[str, ...]
) -> None:
    corrections = dict.fromkeys(places)
    assert check_asked(Right.RECTIFICATION, Asked(corrections=corrections), KNOWN)[0].categories == categories
    named = Asked(corrections=corrections, categories=("user.contact",))
    assert check_asked(Right.RECTIFICATION, named, KNOWN)[0].categories == ("user.contact",), "as the person says"


def test_an_empty_field_asks_for_no_more_than_one_that_was_left_out() -> None:
    assert check_asked(Right.ERASURE, Asked(), KNOWN)[0] is PLAIN


def correct(corrections: dict[str, Any], known: Described | None = KNOWN, **more: Any) -> tuple[dict[str, Any], Any]:
    asked = Asked(corrections=corrections, **more)
    _, found, faults = check_asked(Right.RECTIFICATION, asked, known)
    return found, faults


@pytest.mark.parametrize(
    ("corrections", "words"),
    [
        ({"customers.shoe_size": "43"}, "no field that the register describes"),
        ({"nonsense": "x"}, "no field that the register describes"),
        ({"bakery:customers.last_name": "x"}, "names a processor"),
        ({"shop:customers.shoe_size": 43}, "no field that the register describes"),
        ({"customers.last_name": 5}, "not of the type of its field, string"),
        ({"customers.last_name": True}, "not of the type of its field, string"),
        ({"customers.children": "two"}, "not of the type of its field, integer"),
        ({"customers.children": True}, "not of the type of its field, integer"),
        ({"customers.children": 2.5}, "not of the type of its field, integer"),
        ({"customers.subscribed": "yes"}, "not of the type of its field, boolean"),
        ({"customers.subscribed": 1}, "not of the type of its field, boolean"),
        ({"customers.score": "high"}, "not of the type of its field, float"),
        ({"cards.holder_name": "x" * (MAX_VALUE + 1)}, "is too long"),
        ({"cards.holder_name": "a\x00b"}, "NUL"),
        ({"user.name.last": 7}, "not of the type of its field, string"),
    ],
)
def test_a_correction_that_cannot_be_made_is_refused_before_anything_is_stored(
    corrections: dict[str, Any], words: str
) -> None:
    _, (fault,) = correct(corrections)
    assert fault.field == "corrections[0]"
    assert words in fault.message
    assert fault.fix


def test_values_that_fit_are_sealed_as_they_came() -> None:
    given = {"customers.children": 2, "customers.subscribed": False, "customers.score": 3, "customers.last_name": None}
    assert correct(given) == (given, [])


def test_a_category_stands_for_every_field_that_holds_it_unless_the_field_is_named() -> None:
    assert correct({"user.name.last": "Example"}) == (
        {"shop:customers.last_name": "Example", "shop:cards.holder_name": "Example"}, []
    )  # fmt: skip
    given = {"shop:cards.holder_name": "M EXAMPLE", "user.name.last": "Example"}
    assert correct(given)[0]["shop:cards.holder_name"] == "M EXAMPLE"


def test_one_field_is_not_set_to_two_values() -> None:
    _, (fault,) = correct({"customers.last_name": "One"}, completions={"customers.last_name": "Other"})
    assert (fault.field, fault.message) == ("completions[0]", "sets a field that another one sets")


def test_fields_of_a_processor_that_nothing_describes_are_left_to_a_person() -> None:
    assert correct({"helpdesk:tickets.subject": "x"}) == ({"helpdesk:tickets.subject": "x"}, [])
    assert correct({"helpdesk:nonsense": "x"})[1]


def test_without_a_register_only_the_form_is_checked() -> None:
    assert correct({"shop:a.b": 1, "c.d": True}, None) == ({"shop:a.b": 1, "c.d": True}, [])
    assert correct({"a": 1}, None)[1][0].message == "is no field"


def test_the_fields_of_one_request_are_counted_after_categories_became_fields() -> None:
    known = Described(by_category={"user": tuple(f"t.f{n}" for n in range(MAX_PLACES + 1))})
    (fault,) = correct({"user": "x"}, known)[1]
    assert fault.message == "are too many"


def test_cells_of_a_file_are_read_by_the_type_of_their_field() -> None:
    cells = {
        "customers.children": "2",
        "customers.subscribed": "TRUE",
        "customers.score": "1.5",
        "customers.last_name": "7",
    }
    typed = {"customers.children": 2, "customers.subscribed": True, "customers.score": 1.5, "customers.last_name": "7"}
    assert correct(cells, as_text=True) == (typed, [])
    for wrong in ({"customers.children": "2.5"}, {"customers.score": "nan"}, {"customers.subscribed": "ja"}):
        assert correct(wrong, as_text=True)[1]
