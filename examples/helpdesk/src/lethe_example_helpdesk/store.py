"""What the vendor holds, in memory: started again it holds everybody again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lethe_example_helpdesk.tickets import Customer, customer_of
from lethe_example_shop.person import person_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lethe_example_shop.person import Person


@dataclass(slots=True)
class Deletion:
    """A job. `ready_at`: monotonic seconds; `lies`: it will say completed and leave everything where it is."""

    id: str
    customer_id: str
    ready_at: float
    lies: bool
    status: str = "queued"


class Store:
    """Customers by id, and two separate indexes over them: by key, and for searching."""

    def __init__(self, people: int, seed: int) -> None:
        self._seed = seed
        self._customers: dict[str, Customer] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._search: dict[str, set[str]] = {}
        self._deletions: dict[str, Deletion] = {}
        for number in range(1, max(people, 42) + 1):
            self.add(person_number(number, seed))

    def add(self, person: Person) -> Customer:
        """A person (again): who was erased and writes again is a customer again."""
        customer = customer_of(person, self._seed)
        self._customers[customer.id] = customer
        for key in _keys(person):
            self._by_key[key] = customer.id
        self._search.setdefault(_domain_free(person.email), set()).add(customer.id)
        return customer

    def __len__(self) -> int:
        return len(self._customers)

    def get(self, customer_id: str) -> Customer | None:
        return self._customers.get(customer_id)

    def by_key(self, key: str, value: str) -> Customer | None:
        return self._customers.get(self._by_key.get((key, value.casefold()), ""))

    def search(self, text: str) -> Iterator[Customer]:
        """Like a real search box: whoever's address begins alike, so also other people."""
        wanted = _domain_free(text.casefold())
        for name, ids in self._search.items():
            if wanted and name.startswith(wanted[:6]):
                yield from (self._customers[i] for i in ids if i in self._customers)

    def delete(self, customer: Customer, now: float, seconds: float, *, lies: bool) -> Deletion:
        """Queue the deletion of a customer; only one at a time per customer."""
        deletion = Deletion(f"del_{len(self._deletions) + 1}", customer.id, now + seconds, lies)
        self._deletions[deletion.id] = deletion
        customer.deletion = deletion.id
        return deletion

    def deletion(self, deletion_id: str) -> Deletion | None:
        return self._deletions.get(deletion_id)

    def work(self, now: float) -> None:
        """Carry out the deletions that are due. Called before every answer, so no background task is needed."""
        for deletion in self._deletions.values():
            if deletion.status != "completed" and deletion.ready_at <= now:
                deletion.status = "completed"
                self._carry_out(deletion)

    def _carry_out(self, deletion: Deletion) -> None:
        customer = self._customers[deletion.customer_id]
        customer.deletion = None
        if deletion.lies:
            return
        del self._customers[customer.id]
        for key in _keys(customer.person):
            self._by_key.pop(key, None)
        self._search.get(_domain_free(customer.person.email), set()).discard(customer.id)


def _keys(person: Person) -> tuple[tuple[str, str], ...]:
    return (
        ("email", person.email.casefold()),
        ("phone", person.phone.casefold()),
        ("externalId", person.customer_no.casefold()),
    )


def _domain_free(address: str) -> str:
    return address.partition("@")[0]
