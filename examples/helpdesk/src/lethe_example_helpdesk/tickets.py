"""What people wrote to the helpdesk: everything about person n follows from n and the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lethe_example_shop.person import DEMO_NUMBER

if TYPE_CHECKING:
    from lethe_example_shop.person import Person

AGENTS = ("Birgit Halm", "Ossi Rinne", "Carla Puig")
_TEXTS = (
    "Hello, this is {first} {last}. My parcel to {email} has not come.",
    "Please call me back under {phone}, it is about order {number}.",
    "I am writing again as {email}: the lamp is broken.",
    "Can you change my address? {first} {last}, customer {customer_no}.",
)


@dataclass(frozen=True, slots=True)
class Ticket:
    id: str
    subject: str
    text: str
    agent: str
    internal_note: str


@dataclass(slots=True)
class Customer:
    """`deletion`: id of the job that is deleting this customer."""

    id: str
    person: Person
    tickets: list[Ticket] = field(default_factory=list)
    deletion: str | None = None


def customer_of(person: Person, seed: int) -> Customer:
    """The person's account, with no to five tickets; the person of the demonstration has sixty, over several pages."""
    chance = random.Random(f"helpdesk/{seed}/{person.number}")
    many = 60 if person.number == DEMO_NUMBER else chance.randint(0, 5)
    customer = Customer(f"cus_{chance.getrandbits(48):012x}", person)
    for n in range(many):
        text = chance.choice(_TEXTS).format(
            first=person.first_name,
            last=person.last_name,
            email=person.email,
            phone=person.phone,
            customer_no=person.customer_no,
            number=chance.randint(1000, 9999),
        )
        agent = chance.choice(AGENTS)
        note = chance.choice(("", "", f"{agent}: second call this week"))
        customer.tickets.append(Ticket(f"tic_{person.number}_{n}", f"Question {n + 1}", text, agent, note))
    return customer
