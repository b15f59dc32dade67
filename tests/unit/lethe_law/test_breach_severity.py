"""Severity scores in decimals, with bands closed below."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe_law.breach.cases import severity_cases
from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.breach.severity import (
    ALLOWED,
    Band,
    Context,
    DataClass,
    SeverityInput,
    Shift,
    band_of,
    data_processing_context,
    severity,
)

CASES = Path(__file__).parent / "cases"
with (CASES / "enisa_cases.csv").open(encoding="utf-8") as _file:
    ROWS = {row["case_id"]: row for row in csv.DictReader(_file)}
GIVEN = {case.case_id: case for case in severity_cases(CASES / "enisa_cases.csv")}


@pytest.mark.parametrize("case", ROWS)
def test_score_and_band_are_the_published_ones(case: str) -> None:
    """Rows of low confidence too: their arithmetic is not in doubt."""
    assert (GIVEN[case].se, GIVEN[case].band) == (ROWS[case]["se"], ROWS[case]["band"])


MOVES = {
    "DPC-01": (),
    "DPC-03": (Shift(Context.CONTROLLER, 2, "the shop tells of the customers' sexual life"),),
    "DPC-05": (),
    "DPC-07": (),
    "DPC-09": (Shift(Context.CONTROLLER, 2, "calls to this number tell of health"),),
    "DPC-11": (Shift(Context.VOLUME, 1, "a year of movements gives a profile"),),
    "DPC-13": (Shift(Context.TELLS_LITTLE, 2, "only that there is an account"),),
    "DPC-15": (),
    "DPC-17": (Shift(Context.INVALID, 2, "the card has expired"),),
    "DPC-19": (Shift(Context.TELLS_LITTLE, 3, "everybody has such tests"),),
    "DPC-21": (Shift(Context.TELLS_LITTLE, 1, "no result"),),
    "DPC-23": (),
}
with (CASES / "enisa_dpc_cases.csv").open(encoding="utf-8") as _file:
    CONTEXTS = [row for row in csv.DictReader(_file) if row["confidence"] in {"high", "medium"}]


@pytest.mark.parametrize("row", CONTEXTS, ids=lambda row: row["case_id"])
def test_the_context_moves_the_base_in_whole_steps(row: dict[str, str]) -> None:
    data = DataClass(row["data_class"])
    assert data_processing_context(data) == int(row["base_score"])
    assert data_processing_context(data, *MOVES[row["case_id"]]) == int(row["expected_dpc"])


inputs = st.builds(SeverityInput, **{name: st.sampled_from(values) for name, values in ALLOWED.items()})


@given(inputs, st.sampled_from(sorted(ALLOWED)))
def test_a_score_lies_between_a_quarter_and_six_and_no_worse_input_lowers_it(given_: SeverityInput, name: str) -> None:
    found = severity(given_)
    assert Decimal("0.25") <= found.se <= 6
    values = {n: getattr(given_, n) for n in ALLOWED}
    worse = severity(SeverityInput(**values | {name: ALLOWED[name][-1]}))
    assert worse.se >= found.se
    assert list(Band).index(worse.band) >= list(Band).index(found.band)


@pytest.mark.parametrize(
    ("score", "band"),
    [("1.99", "Low"), ("2", "Medium"), ("2.99", "Medium"), ("3", "High"), ("3.99", "High"), ("4", "Very High")],
)
def test_bands_are_closed_below(score: str, band: str) -> None:
    assert band_of(Decimal(score)) == band


@given(st.sampled_from(DataClass), st.lists(st.tuples(st.sampled_from(Context), st.integers(1, 3)), max_size=6))
def test_the_context_never_leaves_one_to_four(data: DataClass, moves: list[tuple[Context, int]]) -> None:
    assert data_processing_context(data, *(Shift(c, n, "stated") for c, n in moves)) in {1, 2, 3, 4}


def test_a_shift_without_a_reason_is_refused() -> None:
    for steps, reason in ((1, " "), (0, "stated"), (4, "stated")):
        with pytest.raises(ImpossibleFacts):
            Shift(Context.VOLUME, steps, reason)


@pytest.mark.parametrize("change", [{"dpc": "5"}, {"dpc": "2.5"}, {"ei": "0"}, {"ei": "0.3"}, {"cb_malicious": "0.25"}])
def test_a_value_that_the_method_does_not_have_is_refused_by_its_name(change: dict[str, str]) -> None:
    values = {"dpc": Decimal(1), "ei": Decimal(1)} | {name: Decimal(value) for name, value in change.items()}
    with pytest.raises(ImpossibleFacts, match=next(iter(change))):
        SeverityInput(**values)


def test_flags_stand_beside_the_score_and_inputs_are_kept_with_their_reasons() -> None:
    given_ = SeverityInput(
        Decimal(3), Decimal(1), Decimal("0.25"), reasons=(("dpc", "wages"),), subjects=101, unintelligible=True
    )
    found = severity(given_)
    assert (found.text, found.band) == ("3.25", Band.HIGH)
    assert found.flags == ("more than 100 people", "data unintelligible")
    assert found.inputs.reasons == (("dpc", "wages"),)
    assert severity(SeverityInput(Decimal(3), Decimal(1), subjects=100)).flags == ()


def test_a_row_that_is_no_score_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("case_id,dpc,ei,cb_confidentiality\na,2,1,\nb,two,1,\nc,9,1,\n")
    found = {c.case_id: (c.se, c.band, bool(c.unsupported)) for c in severity_cases(path)}
    assert found == {"a": ("2.0", "Medium", False), "b": ("", "", True), "c": ("", "", True)}
