"""The facts that letters tell: who writes, to whom one can complain, what is kept and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    name: str
    email: str
    phone: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The controller (for a notice under Art. 33(2): the processor)."""

    name: str
    contact: Contact
    dpo: Contact | None = None
    uk: bool = False
    """Cite the UK GDPR: its articles have the same numbers."""

    @property
    def contact_point(self) -> Contact:
        """The data protection officer, or the other contact point of Art. 33(3)(b)."""
        return self.dpo or self.contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A supervisory authority with which a complaint can be lodged (Art. 77)."""

    name: str
    website: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one category of data is kept, or a request refused (Art. 12(4)); `ground` is a code of lethe_law."""

    category: str
    ground: str
    law: str | None = None
    """The law that the ground rests on, by the name it has in the country."""
    until: date | None = None
    until_event: str | None = None
    """What the end depends on, where it has no date yet: "ten years after the contract ends"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One processing of the record (Art. 30), as Art. 15(1)(a), (b) and (d) want it told."""

    purpose: str
    basis: str
    """The lawful basis as an article, `6(1)(b)`."""
    categories: tuple[str, ...]
    period: str
    """How long the data is stored, or the criteria for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A named recipient. `safeguard`: that of Art. 46, for a third country without a decision of adequacy."""

    name: str
    role: str
    third_country: str | None = None
    safeguard: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedDecision:
    """Art. 15(1)(h)."""

    name: str
    logic: str
    consequences: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Where the copy of the data is fetched."""

    url: str
    until: datetime
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    """Direct transmission to another controller (Art. 20(2)). `receipt`: the number that it answered with."""

    controller: str
    sent_on: date
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A recipient and when it was told (Art. 19); `ground`: why not, where it was not."""

    name: str
    on: date | None = None
    ground: str = "disproportionate_effort"
