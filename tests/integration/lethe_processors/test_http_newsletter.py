"""OAuth 2, forms, confirmations, masking and pages by header against the example vendor over real HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lethe_events.words import Grade, Method, Outcome, Verb
from lethe_example_shop.person import person_number
from lethe_processors.connector import Answer
from lethe_processors.credentials import Credentials
from lethe_processors.http import HttpConnector
from lethe_processors.http.callback import reference_of
from lethe_processors.register import check_register
from lethe_testkit.ground import eventually
from lethe_testkit.http_vendor import NADIA, Sink, item
from lethe_testkit.newsletter import REGISTER, SECRET, SEED, environment
from lethe_testkit.newsletter import newsletter as served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lethe_example_newsletter.vendor import Vendor

MASKING: dict[str, Any] = {
    "method": "pseudonymised",
    "collection": "contacts",
    "steps": [
        {"lookup": {"GET": "/v2/contacts?address={email}", "each": "$.items[*]", "id": "$.id",
                    "match": {"$.email": "email"}, "pages": {"by": "link_header"}}},
        {"submit": {"PATCH": "/v2/contacts/{id}", "json": {"name": "masked", "email": "{masked}@masked.invalid"}}},
        {"read_back": {"GET": "/v2/contacts/{id}",
                       "holds": {"$.name": "masked", "$.email": "{masked}@masked.invalid", "$.subscribed": False}}},
    ],
}  # fmt: skip
LOOK_MASKED = {
    "looks": [{
        "GET": "/v2/lookup?number={customer_id}", "each": "$.items[*]", "match": {"$.number": "customer_id"},
        "holds": {"$.name": "masked", "$.email": "{masked}@masked.invalid"},
    }]
}  # fmt: skip


class Newsletter:
    def __init__(self, vendor: Vendor, url: str) -> None:
        self.vendor = vendor
        self.environment = environment(url, "")

    def connector(self, **changes: Any) -> HttpConnector:
        described = yaml.safe_load((REGISTER / "newsletter.yaml").read_text(encoding="utf-8"))["connector"]
        described.pop("kind")
        described["callback"].pop("url")
        described["erase"]["steps"][1]["submit"]["form"].pop("notify")
        return HttpConnector.from_settings({**described, **changes}, Credentials(self.environment))

    def has(self, number: int) -> bool:
        return f"c-{number}" in self.vendor.contacts


@pytest.fixture
async def newsletter() -> AsyncIterator[Newsletter]:
    async with served() as (vendor, url):
        yield Newsletter(vendor, url)


@pytest.fixture
async def connector(newsletter: Newsletter) -> AsyncIterator[HttpConnector]:
    connector = newsletter.connector()
    yield connector
    await connector.close()


async def gone(newsletter: Newsletter, number: int = 42) -> None:
    async def is_gone() -> bool:
        return not newsletter.has(number)

    await eventually(is_gone, 5)


def test_the_example_of_the_register_has_no_problem() -> None:
    assert check_register(REGISTER) == []


async def test_a_deletion_is_asked_by_form_confirmed_and_promised_with_what_will_be_called_back(
    newsletter: Newsletter, connector: HttpConnector
) -> None:
    (answer,) = await connector.erase([item()])
    assert (answer.outcome, answer.failure) == (Outcome.ACCEPTED, None)
    assert answer.awaits == (reference_of("vendor", "er-1"),)
    await gone(newsletter)
    (verified,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert (verified.outcome, verified.grade) == (Outcome.NOTHING_FOUND, Grade.REREAD_ABSENT)
    assert len(newsletter.vendor.contacts) == 299, "nobody else"


async def test_a_confirmation_whose_answer_was_lost_is_made_again(newsletter: Newsletter) -> None:
    newsletter.vendor.terms.deletion_seconds = 60
    connector = newsletter.connector()
    first, again = [(await connector.erase([item()]))[0] for _ in range(2)]
    assert first.outcome is again.outcome is Outcome.ACCEPTED
    assert first.awaits == again.awaits
    assert len(newsletter.vendor.erasures) == 1
    await connector.close()


async def test_a_request_that_nobody_confirmed_is_not_taken_for_asked(newsletter: Newsletter) -> None:
    described = newsletter.connector()._profile.model_dump(by_alias=True)["erase"]
    steps = [{k: v for k, v in step.items() if v is not None} for step in described["steps"]]
    steps[1]["submit"]["take"] = {"code": "$.erasure.confirmation_code"}
    connector = newsletter.connector(erase={**described, "steps": steps})
    assert await connector.erase([item()]) == [Answer.transient("vendor_job_unconfirmed")]
    assert newsletter.has(42)
    await connector.close()


async def test_one_token_serves_all_calls_and_is_fetched_before_it_ends(newsletter: Newsletter) -> None:
    connector = newsletter.connector()
    people = [person_number(n, SEED) for n in range(1, 41)]
    await connector.verify([item({"customer_id": (p.customer_no,)}, name=str(p.number)) for p in people])
    assert newsletter.vendor.issued == 1
    await connector.close()
    newsletter.vendor.terms.token_seconds = 0.5
    connector = newsletter.connector()
    answers = []
    for _ in range(3):
        answers += await connector.verify([item(verb=Verb.VERIFY)])
        await asyncio.sleep(0.45)
    assert {a.outcome for a in answers} == {Outcome.RESIDUAL}, "no call met a token that had ended"
    assert newsletter.vendor.issued == 4
    await connector.close()


async def test_a_token_that_the_vendor_has_forgotten_is_fetched_anew_once(
    newsletter: Newsletter, connector: HttpConnector
) -> None:
    await connector.verify([item(verb=Verb.VERIFY)])
    newsletter.vendor.tokens.clear()
    answers = await connector.verify([item(verb=Verb.VERIFY, name=str(n)) for n in range(8)])
    assert {a.outcome for a in answers} == {Outcome.RESIDUAL}
    assert newsletter.vendor.issued == 2, "by one call, for all"
    newsletter.vendor.terms.token_seconds = -1.0
    newsletter.vendor.tokens.clear()
    (answer,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert answer == Answer.transient("nonsense_answer"), "a token that is good for no time is none"


async def test_a_wrong_client_secret_is_for_a_person(newsletter: Newsletter) -> None:
    newsletter.environment["NEWSLETTER_SECRET"] = "wrong"
    connector = newsletter.connector()
    assert await connector.erase([item()]) == [Answer.permanent("credentials_refused")]
    assert newsletter.vendor.issued == 0
    newsletter.environment["NEWSLETTER_SECRET"] = SECRET
    assert (await connector.erase([item()]))[0].outcome is Outcome.ACCEPTED, "read again, once it is right"
    newsletter.environment["NEWSLETTER_SECRET"] = ""
    newsletter.vendor.tokens.clear()
    assert await connector.verify([item(verb=Verb.VERIFY)]) == [Answer.permanent("credential_missing")]
    await connector.close()


async def test_a_person_behind_the_first_page_is_found_by_the_link_header(newsletter: Newsletter) -> None:
    ahead = newsletter.vendor.alike(NADIA["email"][0])
    for n in range(25):
        newsletter.vendor.contacts[f"a-{n}"] = type(ahead[0])(f"a-{n}", f"nadine.{n}@mail.example", "N", f"X-{n}")
    assert newsletter.vendor.alike(NADIA["email"][0])[-1].id == "c-42"
    connector = newsletter.connector()
    sink = Sink()
    (answer,) = await connector.export([item(verb=Verb.EXPORT)], sink)
    assert answer.outcome is Outcome.DONE
    assert [row["email"] for row in sink.rows["contacts"]] == [NADIA["email"][0]]
    await connector.close()


async def test_a_masked_record_is_read_back_counted_as_what_it_is_and_verified(newsletter: Newsletter) -> None:
    connector = newsletter.connector(erase=MASKING, verify=LOOK_MASKED, callback=None)
    (before,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert before.outcome is Outcome.RESIDUAL
    (answer,) = await connector.erase([item()])
    assert [(c.method, c.rows) for c in answer.counts] == [(Method.PSEUDONYMISED, 1)]
    contact = newsletter.vendor.contacts["c-42"]
    assert contact.name == "masked"
    assert not any(part in contact.email for part in ("nadia", "petrova"))
    (after,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert after.outcome is Outcome.NOTHING_FOUND
    contact.name = "Nadia Petrova"  # an import of old data
    (refuted,) = await connector.verify([item(verb=Verb.VERIFY)])
    assert refuted.outcome is Outcome.RESIDUAL
    await connector.close()


async def test_a_vendor_that_says_yes_and_masks_nothing_is_not_believed(newsletter: Newsletter) -> None:
    newsletter.vendor.terms.forgets_masks = True
    connector = newsletter.connector(erase=MASKING, verify=LOOK_MASKED, callback=None)
    assert await connector.erase([item()]) == [Answer.transient("vendor_not_masked")]
    await connector.close()
