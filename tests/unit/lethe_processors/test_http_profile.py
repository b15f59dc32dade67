"""A profile that would do harm, or nothing, is refused when it is read, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lethe_processors.http import HttpProfile
from lethe_processors.http.errors import Nonsense
from lethe_processors.http.paths import find, one, optional
from lethe_testkit.http_vendor import PROFILE

LOOKUP: dict[str, Any] = {"GET": "/c/{email}", "id": "$.id"}
SUBMIT: dict[str, Any] = {"DELETE": "/c/{id}"}
JOB: dict[str, Any] = {**SUBMIT, "job_id": "$.j"}
CALLBACK: dict[str, Any] = {
    "secret": "env:HOOK",
    "signature": "X-Signature",
    "timestamp": "X-Time",
    "job": "$.job",
    "status": "$.state",
    "map": {"done": ["deleted"]},
}
POLL: dict[str, Any] = {"GET": "/j/{job}", "status": "$.s", "map": {"done": ["ok"]}}


def test_the_profile_of_these_tests_is_accepted() -> None:
    HttpProfile.model_validate(PROFILE)


def steps(*made: dict[str, Any]) -> dict[str, Any]:
    return {"erase": {"steps": list(made)}, "export": None}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": 1}, "colour"),
        ({"auth": {"scheme": "bearer", "token": "s3cret"}}, "token"),  # a secret in the file instead of a reference
        ({"base_url": "ftp://x.example"}, "base_url"),
        (steps({"submit": SUBMIT}), "there is none"),
        (steps({"lookup": LOOKUP}), "at least one submit"),
        (steps({"submit": SUBMIT}, {"lookup": LOOKUP}), "the steps are lookups"),
        (steps({"lookup": {"GET": "/c/{email}"}}, {"submit": SUBMIT}), "needs `id`"),
        (steps({"lookup": LOOKUP}, {"submit": {"DELETE": "/everything"}}), "names nobody"),
        (steps({"lookup": LOOKUP}, {"submit": {"DELETE": "/c/{email}"}}), "by {id} where there are lookups"),
        (steps({"lookup": LOOKUP}, {"submit": SUBMIT}, {"poll": POLL}), "none has it"),
        (
            steps({"lookup": LOOKUP}, {"submit": {**SUBMIT, "job_id": "$.j"}}, {"poll": {**POLL, "map": {}}}),
            "mean done",
        ),
        (
            steps(
                {"lookup": LOOKUP},
                {"submit": JOB},
                {"poll": {**POLL, "map": {"done": ["x"], "failed": ["x"]}}},
            ),
            "one list",
        ),
        (steps({"lookup": {**LOOKUP, "each": "$.r[*]"}}, {"submit": SUBMIT}), "a search can return other people"),
        (steps({"lookup": {**LOOKUP, "match": {"$.p": "phone_number"}}}, {"submit": SUBMIT}), "does not fill in"),
        (steps({"lookup": {**LOOKUP, "GET": "/c/{email}/{phone_number}"}}, {"submit": SUBMIT}), "exactly one kind"),
        (steps({"lookup": {**LOOKUP, "id": "data.id"}}, {"submit": SUBMIT}), "is not a path"),
        (steps({"lookup": {**LOOKUP, "id": "$..id"}}, {"submit": SUBMIT}), "can follow"),
        (steps({"lookup": {"id": "$.id"}}, {"submit": SUBMIT}), "say the method"),
        ({"verify": {"looks": [{"GET": "/v1/customers/email={email}"}]}}, "same path as the erasure"),
        ({"verify": {"looks": [{"GET": "/s?q={email}", "each": "$.r", "match": {"$.e": "email"}}]}}, "end with"),
        ({"verify": {"looks": []}}, "looks"),
        (steps({"lookup": LOOKUP}, {"submit": JOB}, {"poll": {**POLL, "per": "$.app"}}), "in `each`"),
        ({"export": {"collections": [{"GET": "/all"}]}}, "fills in {id}"),
        ({"export": {"collections": [{"GET": "/c/{id}", "pages": {"by": "link"}}]}}, "need `next`"),
        ({"export": {"collections": [{"GET": "/c/{id}", "pages": {"by": "offset"}}]}}, "need `param`"),
        ({"erase": None, "export": {"collections": [{"GET": "/c/{id}"}]}}, "needs a lookup"),
        (
            {"export": {"collections": [{"GET": "/c/{id}", "pages": {"by": "link_header", "next": "$.n"}}]}},
            "leave `next`",
        ),
        (steps({"lookup": LOOKUP}, {"submit": {"POST": "/c/{id}", "json": {}, "form": {"a": "b"}}}), "one body"),
        (steps({"lookup": LOOKUP}, {"submit": {"PATCH": "/c/{id}", "json": {"n": ""}}}), "PATCH changes"),
        (
            {
                "erase": {"method": "nulled", "steps": [{"lookup": LOOKUP}, {"submit": {"PUT": "/c/{id}"}}]},
                "export": None,
            },
            "add a read_back",
        ),
        (steps({"lookup": LOOKUP}, {"submit": SUBMIT}, {"read_back": {"GET": "/c/{id}", "holds": {}}}), "holds"),
        (
            steps({"lookup": LOOKUP}, {"submit": SUBMIT}, {"read_back": {"POST": "/c/{id}", "holds": {"$.n": ""}}}),
            "as GET",
        ),
        (steps({"lookup": LOOKUP}, {"submit": SUBMIT}, {"confirm": {"POST": "/j/{job}"}}), "none has it"),
        (steps({"lookup": LOOKUP}, {"submit": JOB}, {"confirm": {"POST": "/j/{code}"}}), "in its `take`"),
        (steps({"lookup": LOOKUP}, {"submit": {**JOB, "take": {"id": "$.i"}}}), "cannot name"),
        (steps({"lookup": LOOKUP}, {"confirm": {"POST": "/j"}}, {"submit": JOB}), "the steps are lookups"),
        (
            steps({"lookup": LOOKUP}, {"submit": {"POST": "/c/{id}", "form": {"to": "{callback}"}}}),
            "`url` of `callback`",
        ),
        ({**steps({"lookup": LOOKUP}, {"submit": SUBMIT}), "callback": CALLBACK}, "told apart by the job"),
        (
            {"auth": {"scheme": "oauth2", "token_url": "/t", "client_id": "x", "client_secret": "s3cret"}},
            "client_secret",
        ),
        ({"auth": {"scheme": "oauth2", "token_url": "t", "client_id": "x", "client_secret": "env:S"}}, "token_url"),
    ],
)
def test_an_unusable_profile_is_refused_with_a_reason(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        HttpProfile.model_validate({**PROFILE, **change})
    assert told in str(refused.value)


def test_a_path_finds_what_it_names() -> None:
    value = {"a": [{"b": 1}, {"b": 2}], "c": {"d-e": None}}
    assert find("$.a[*].b", value) == [1, 2]
    assert find("$.a[1].b", value) == [2]
    assert find("$", value) == [value]
    assert one("$.c.d-e", value) is None
    assert find("$.a[*].b", {"a": []}) == []
    assert optional("$.x.y", value) is None
    assert optional("$.a[*].b", value) is None, "two are not one"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
)


@given(json_values)
def test_a_step_that_does_not_fit_is_never_an_empty_result(value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("a"), list):
        with pytest.raises(Nonsense):
            find("$.a[*]", value)
    else:
        assert find("$.a[*]", value) == value["a"]
