"""The rows of one generated person, about 25 over 14 tables."""

from __future__ import annotations

import json
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from lethe_example_shop.person import CITIES, DEMO_NUMBER, STREETS, person_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from lethe_example_shop.person import Person

Row = tuple[object, ...]
PRODUCTS = 200
_START = datetime(2023, 1, 1, tzinfo=UTC)
_KEEP_UNTIL = date(2036, 12, 31)
STRIDE = 32  # ids of person n are n * STRIDE + i, so that they are known without asking the database


@dataclass(slots=True)
class _Maker:
    """Collects the rows of one person. `spouse` is the other one of the couple, if generated."""

    person: Person
    seed: int
    spouse: int | None
    chance: random.Random
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    @property
    def rich(self) -> bool:
        """The demonstration's person has something of everything."""
        return self.person.number == DEMO_NUMBER

    def id(self, i: int) -> int:
        return self.person.number * STRIDE + i

    def uuid(self, what: str) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed}/{self.person.number}/{what}")

    def moment(self) -> datetime:
        return _START + timedelta(minutes=self.chance.randrange(1_400_000))

    def some(self, low: int, high: int, rich: int) -> int:
        return rich if self.rich else self.chance.randint(low, high)

    def perhaps(self, percent: int) -> bool:
        return self.rich or self.chance.randrange(100) < percent

    @property
    def full_name(self) -> str:
        return f"{self.person.first_name} {self.person.last_name}"


def rows_of(number: int, people: frozenset[int], seed: int) -> dict[str, list[Row]]:
    """Table → rows, in the order of the table's columns."""
    other = number + 1 if number % 2 else number - 1
    maker = _Maker(
        person=person_number(number, seed),
        seed=seed,
        spouse=other if other in people else None,
        chance=random.Random(f"{seed}/{number}/rows"),
    )
    for make in _MAKERS:
        make(maker)
    return maker.rows


def _customer(m: _Maker) -> None:
    p = m.person
    email = f"{p.first_name}.{p.last_name}@mail.example" if m.rich else p.email
    if not m.rich and m.chance.randrange(3) == 0:
        email = email.title().replace("@Mail.Example", "@mail.example")
    born = date(1950, 1, 1) + timedelta(days=m.chance.randrange(20_000))
    referred_by = m.spouse if m.spouse is not None and m.spouse < p.number and m.perhaps(30) else None
    m.rows["customers"].append(
        (
            p.number,
            p.customer_no,
            email,
            f"+{p.phone[1:3]} {p.phone[3:6]} {p.phone[6:]}",
            p.first_name,
            p.last_name,
            born,
            f"pbkdf2${m.chance.getrandbits(96):024x}",
            m.chance.choice(("de", "en", "fr")),
            referred_by,
            m.moment(),
        )
    )


def _addresses(m: _Maker) -> None:
    """The couple's home belongs to its first member's number range; a second address is the person's own."""
    couple = (m.person.number + 1) // 2
    home = couple * 2 * STRIDE + 30
    if m.spouse is None or m.person.number % 2 == 1:
        names = " / ".join(person_number(n, m.seed).last_name for n in (couple * 2 - 1, couple * 2))
        m.rows["addresses"].append((home, *_place(random.Random(f"{m.seed}/{couple}/home")), names))
    m.rows["customer_addresses"].append((m.person.number, home, "home"))
    if m.perhaps(40):
        m.rows["addresses"].append((m.id(29), *_place(m.chance), None))
        m.rows["customer_addresses"].append((m.person.number, m.id(29), "work"))


def _place(chance: random.Random) -> tuple[str, str, str, str]:
    street = f"{chance.choice(STREETS)}straße {chance.randint(1, 180)}"
    return street, f"{chance.randrange(10_000, 99_999)}", chance.choice(CITIES), "DE"


def _cards(m: _Maker) -> None:
    for i in range(m.some(1, 2, 2)):
        expires = date(2026, 1, 1) + timedelta(days=30 * m.chance.randrange(60))
        m.rows["payment_cards"].append(
            (m.id(i), m.person.number, m.full_name, f"{m.chance.randrange(10_000):04d}", expires)
        )


def _orders(m: _Maker) -> None:
    home = m.rows["customer_addresses"][0][1]
    for i in range(m.some(2, 4, 3)):
        order = m.id(i)
        m.rows["orders"].append(
            (
                order,
                f"O-{order:010d}",
                m.person.number,
                home,
                m.person.email if m.perhaps(80) else None,
                m.chance.choice(("paid", "sent", "delivered")),
                f"{m.chance.randrange(500, 50_000) / 100:.2f}",
                m.moment(),
            )
        )
        for line in range(1, m.some(1, 3, 2) + 1):
            engraving = f"für {m.person.first_name}" if m.chance.randrange(6) == 0 else None
            m.rows["order_items"].append(
                (order, line, m.chance.randrange(PRODUCTS) + 1, m.chance.randint(1, 3), engraving)
            )
    if m.perhaps(50):
        order_id, line_no = m.rows["order_items"][0][:2]
        m.rows["returns"].append((m.id(0), order_id, line_no, "passt mir nicht", m.moment()))


def _loyalty(m: _Maker) -> None:
    account = m.id(0)
    m.rows["loyalty_accounts"].append(
        (account, m.person.number, m.chance.choice(("basic", "silver")), m.chance.randrange(900))
    )
    for i in range(m.some(2, 5, 4)):
        kind = m.chance.choice(("purchase", "birthday", "redeemed"))
        m.rows["loyalty_events"].append((m.id(i), account, kind, m.chance.randint(-50, 90), m.moment()))


def _visits(m: _Maker) -> None:
    for i in range(m.some(1, 3, 2)):
        p = m.person
        details = {
            "channel": m.chance.choice(("chat", "call")),
            "seconds": m.chance.randrange(30, 2_000),
            "contact": {"email": p.email, "phone": p.phone, "consent": True},
            "device": {"ip": f"198.51.100.{m.chance.randrange(1, 255)}", "browser": "Hafenfuchs 12"},
            "transcript": [
                {"speaker": "guest", "text": f"Guten Tag, {m.full_name} hier.", "at": 4},
                {"speaker": "shop", "text": f"Willkommen, {p.first_name}!", "at": 9},
            ],
        }
        order = m.rows["orders"][0][0] if i == 0 else None
        m.rows["support_visits"].append((m.uuid(f"visit{i}"), p.number, order, m.moment(), json.dumps(details)))


def _reviews(m: _Maker) -> None:
    for i in range(m.some(0, 2, 1)):
        body = f"{m.person.first_name} aus {m.chance.choice(CITIES)} ist zufrieden."
        product, rating = m.chance.randrange(PRODUCTS) + 1, m.chance.randint(1, 5)
        m.rows["reviews"].append((m.id(i), m.person.number, product, rating, m.full_name, body, m.moment()))


def _newsletter(m: _Maker) -> None:
    if m.perhaps(60):
        topics = m.chance.sample(["sale", "news", "recipes"], 2)
        m.rows["newsletter_subscriptions"].append((m.uuid("news"), m.person.email, topics, m.moment()))


def _loans(m: _Maker) -> None:
    """Every tenth person owes something; others have paid back. The demonstration's person has one of each."""
    for i in range(2 if m.rich else int(m.perhaps(20))):
        owes = i == 0 if m.rich else m.person.number % 10 == 0
        loan, opened = m.id(i), date(2024, 3, 1)
        outstanding, keep = ("120.00", _KEEP_UNTIL) if owes else ("0.00", None)
        m.rows["loans"].append((loan, m.person.number, m.full_name, "480.00", outstanding, opened, keep))
        for k in range(3):
            m.rows["loan_payments"].append((loan, opened + timedelta(days=30 * (k + 1)), "120.00"))


def _gift_cards(m: _Maker) -> None:
    """Bought for the other one of the couple; two people in one row."""
    if m.spouse is not None and m.perhaps(30):
        other = person_number(m.spouse, m.seed)
        message = f"Alles Gute, {other.first_name}!"
        m.rows["gift_cards"].append((m.id(0), m.person.number, m.spouse, other.email, message, "25.00", m.moment()))


_MAKERS: tuple[Callable[[_Maker], None], ...] = (
    _customer,
    _addresses,
    _cards,
    _orders,
    _loyalty,
    _visits,
    _reviews,
    _newsletter,
    _loans,
    _gift_cards,
)
