from __future__ import annotations

import pytest

from lethe_chassis import bound, current_trace_id, current_traceparent
from lethe_chassis.trace import next_hop

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VALID = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_the_trace_goes_on_with_a_span_of_our_own() -> None:
    hop = next_hop(VALID)
    assert hop[3:35] == TRACE
    assert hop[36:52] != "00f067aa0ba902b7"
    assert hop.endswith("-01")


@pytest.mark.parametrize(
    "incoming",
    [
        None,
        "",
        "garbage",
        VALID.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",  # version ff is forbidden
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        VALID + "-more",  # version 00 has four fields
        f"00-{TRACE}-00f067aa0ba902b7",
        VALID + "\n",
    ],
)
def test_an_invalid_context_starts_a_new_trace(incoming: str | None) -> None:
    hop = next_hop(incoming)
    assert len(hop) == 55
    assert hop[3:35] != TRACE
    assert next_hop(hop)[3:35] == hop[3:35]


def test_a_later_version_is_read_as_far_as_version_00_goes() -> None:
    assert next_hop(f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later")[3:35] == TRACE


def test_an_unsampled_trace_stays_unsampled() -> None:
    assert next_hop(f"00-{TRACE}-00f067aa0ba902b7-00").endswith("-00")


def test_it_is_bound_only_while_the_work_lasts() -> None:
    assert current_traceparent() is None
    with bound(VALID) as hop:
        assert current_traceparent() == hop
        assert current_trace_id() == TRACE
    assert current_trace_id() is None
