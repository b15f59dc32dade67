"""Invented parcels of the invented people of the examples."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lethe_example_shop.person import CITIES, DEMO_NUMBER, STREETS, person_number
from lethe_example_warehouse.store import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_participant import Participant

_CONTENTS = ("lamp", "two chairs", "curtains", "a set of cups", "bed linen")
_DRIVERS = ("Enno Falk", "Silke Roth", "Jarek Wolny")


def parcels(participant: Participant, people: int, seed: int) -> Iterator[Parcel]:
    """One to four parcels for each of the people; the same seed gives the same parcels."""
    for number in range(1, max(people, DEMO_NUMBER) + 1):
        person = person_number(number, seed)
        chance = random.Random(f"warehouse/{seed}/{number}")
        street, city = f"{chance.choice(STREETS)}straße {chance.randint(1, 99)}", chance.choice(CITIES)
        for _ in range(chance.randint(1, 4)):
            yield Parcel(
                customer_token=participant.token_for("customer_id", person.customer_no),
                email_token=participant.token_for("email", person.email),
                recipient=f"{person.first_name} {person.last_name}",
                street=street,
                city=city,
                contents=chance.choice(_CONTENTS),
                weight_g=chance.randint(200, 20_000),
                driver=chance.choice(_DRIVERS),
            )
