"""Who a generated person is: everything about person number n follows from n and the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_NAMES = (
    *("Nadia", "Ilja", "Marta", "Pavel", "Aino", "Tomas", "Greta", "Jonas", "Livia", "Oskar", "Petra", "Ruben"),
    *("Selma", "Timo", "Ursula", "Viktor", "Wanda", "Yann", "Zora", "Anton", "Britta", "Cosima", "Dario", "Edda"),
    *("Filip", "Gesine", "Hugo", "Ines", "Jaro", "Klara", "Leon", "Mila", "Nils", "Olga", "Paula", "Tilda"),
)
LAST_NAMES = (
    *("Lindqvist", "Novak", "Brandt", "Korhonen", "Dubois", "Moreau", "Rossi", "Keller", "Vogel", "Sommer"),
    *("Winter", "Adler", "Berg", "Casari", "Dietz", "Ebner", "Falk", "Gruber", "Haas", "Ivanov", "Jansen"),
    *("Kowal", "Lang", "Maurer", "Nielsen", "Orsini", "Pohl", "Quast", "Reuter", "Sander", "Thoma", "Vasko"),
)
STREETS = ["Linden", "Garten", "Markt", "Hafen", "Wiesen", "Berg", "Kirch", "Mühlen", "Rosen", "Schul"]
CITIES = ("Auenfeld", "Birkenau", "Custrin", "Dornstadt", "Eichwald", "Falkenberg", "Grünau")

DEMO_NUMBER = 42


@dataclass(frozen=True, slots=True)
class Person:
    """`email` as it is compared; the database holds some of them in mixed case."""

    number: int
    first_name: str
    last_name: str
    email: str
    customer_no: str
    phone: str


def customer_no(number: int) -> str:
    return f"C-{100_000 + number}"


def person_number(number: int, seed: int) -> Person:
    """Person `number` (from 1). Numbers 2k-1 and 2k live together; every fifth couple shares its phone."""
    if number == DEMO_NUMBER:
        return DEMO_PERSON
    # an own generator per person: adding people changes nobody
    chance = random.Random(f"{seed}/{number}")
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    couple = (number + 1) // 2
    phone = f"+49155{50_000_000 + couple * 2:08d}" if couple % 5 == 0 else f"+49155{10_000_000 + number:08d}"
    return Person(number, first, last, f"{first}.{last}.{number}@mail.example".lower(), customer_no(number), phone)


DEMO_PERSON = Person(
    number=DEMO_NUMBER,
    first_name="Nadia",
    last_name="Petrova",
    email="nadia.petrova@mail.example",
    customer_no=customer_no(DEMO_NUMBER),
    phone="+4915550100042",
)
"""The person whom the demonstration asks about; the example helpdesk and the example warehouse know her too."""
