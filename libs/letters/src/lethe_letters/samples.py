"""One letter of each kind with everything it can have, and one with as little as it may have. All names are invented.

They are what a template is tried with when it is read, and what the catalogue and the tests print.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypedDict

from lethe_letters import contexts as c
from lethe_letters import facts as f

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTACT = f.Contact(name="Privacy desk of Fjord Bank", email="privacy@fjord-bank.example", phone="+00 555 0100")
_DPO = f.Contact(name="Mira Holt", email="dpo@fjord-bank.example", address="Harbour Row 7, 0001 Northhaven")
_AUTHORITY = f.Authority(
    name="Data Protection Office of Northland", address="Castle Lane 3, 0002 Northhaven", website="https://dpo.example"
)
_WHEN = datetime(2026, 6, 19, 15, 30, tzinfo=UTC)
_COPY = f.Copy(url="https://privacy.fjord-bank.example/d/7Q", until=_WHEN, formats=("JSON", "CSV"))
_RECIPIENTS = ("Parcel Swift Ltd", "Ledger & Sons")
_SAFE = f.Recipient(
    name="Cloudy Inc.", role="hosting", third_country="Overseasia", safeguard="standard contractual clauses"
)
_REASONS = (
    f.Reason(
        category="accounting records", ground="legal_obligation", law="Accounts Act § 147", until=date(2036, 12, 31)
    ),
    f.Reason(category="loan contract", ground="contract", until_event="when the loan is paid back"),
)
_REFUSAL = (f.Reason(category="the whole demand", ground="manifestly_unfounded"),)
_ACTIVITY = f.Activity(
    purpose="keeping the account", basis="6(1)(b)", categories=("contact data", "payments"), period="ten years"
)


class _Head(TypedDict):
    sender: f.Sender
    reference: str
    written_on: date
    addressee: str | None


_FULL = _Head(
    sender=f.Sender(name="Fjord Bank <Northland>", contact=_CONTACT, dpo=_DPO),
    reference="L-2026-000417",
    written_on=date(2026, 5, 20),
    addressee="Nadia Petrova",
)
_LEAST = _Head(
    sender=f.Sender(name="Fjord Bank <Northland>", contact=_CONTACT),
    reference="L-2026-000418",
    written_on=date(2026, 5, 21),
    addressee=None,
)


def samples(kind: str) -> tuple[c.Letter, ...]:
    """Letters of this kind, the fullest first."""
    return _all()[kind]


def _all() -> Mapping[str, tuple[c.Letter, ...]]:
    made = (*_clock(), *_answers(), *_objections(), *_refusals(), *_breaches())
    return {kind: tuple(x for x in made if x.kind == kind) for kind in {x.kind for x in made}}


def _clock() -> tuple[c.Letter, ...]:
    received, rights = date(2026, 5, 4), ("access", "erasure")
    return (
        c.Acknowledgement(**_FULL, rights=rights, received_on=received, answer_by=date(2026, 6, 5)),
        c.IdentityCheck(
            **_FULL, rights=rights, doubt="the address is not known to us", code="493-118", valid_until=_WHEN
        ),
        c.Clarification(
            **_FULL, rights=rights, received_on=received, questions=("Which of your two accounts?", "Which years?")
        ),
        c.Extension(
            **_FULL,
            rights=rights,
            received_on=received,
            first_due=date(2026, 6, 5),
            new_due=date(2026, 8, 4),
            reasons=("about 40,000 documents have to be looked through", "third parties have to be blackened"),
        ),
        c.Withdrawn(**_FULL, rights=rights, withdrawn_on=date(2026, 5, 9)),
    )


def _answers() -> tuple[c.Letter, ...]:
    done, categories = date(2026, 5, 18), ("marketing profile", "cookies")
    return (
        c.AccessAnswer(
            **_FULL,
            activities=(
                _ACTIVITY,
                f.Activity(purpose="fraud checks", basis="6(1)(f)", categories=("devices",), period="13 months"),
            ),
            authority=_AUTHORITY,
            recipients=(f.Recipient(name="Parcel Swift Ltd", role="parcels"), _SAFE),
            sources=("Credit Bureau North",),
            automated=(
                f.AutomatedDecision(
                    name="credit score", logic="income and past payments are weighed", consequences="a loan is refused"
                ),
            ),
            copy=_COPY,
        ),
        c.AccessAnswer(**_LEAST, activities=(_ACTIVITY,), authority=_AUTHORITY),
        c.NothingHeld(**_FULL, rights=("access",), searched_on=done, authority=_AUTHORITY),
        c.Portability(
            **_FULL,
            copy=_COPY,
            sent=f.Transmission(controller="Meadow Bank", sent_on=date(2026, 5, 17), receipt="R-88123"),
        ),
        c.Portability(**_LEAST, copy=_COPY),
        c.Rectified(**_FULL, changes=("postal address", "date of birth"), done_on=done, recipients=_RECIPIENTS),
        c.Rectified(**_LEAST, changes=("postal address",), done_on=done),
        c.Erased(
            **_FULL,
            categories=categories,
            done_on=done,
            recipients=_RECIPIENTS,
            suppression=True,
            backups_until=date(2026, 7, 31),
            pending=("newsletter list",),
        ),
        c.Erased(**_LEAST, categories=categories, done_on=done),
        c.Erased(**_LEAST, categories=(), done_on=done, pending=("newsletter list",), pending_until=date(2026, 6, 30)),
        *(
            c.Restricted(**_FULL, categories=categories, since=done, point=point, recipients=_RECIPIENTS)
            for point in "abcd"
        ),
        c.Restricted(**_LEAST, categories=categories, since=done, point="a"),
        c.RestrictionLifting(
            **_FULL,
            categories=categories,
            lifted_on=date(2026, 6, 30),
            reason="the address was checked and is right",
            authority=_AUTHORITY,
        ),
    )


def _objections() -> tuple[c.Letter, ...]:
    purposes, day = ("newsletter", "profiling for adverts"), date(2026, 5, 16)
    return (
        c.ObjectionUpheld(**_FULL, purposes=purposes, stopped_on=day, marketing=True),
        c.ObjectionUpheld(**_LEAST, purposes=purposes, stopped_on=day, marketing=False),
        c.ObjectionPending(**_FULL, purposes=purposes, restricted_since=day, decided_by=date(2026, 6, 5)),
        c.ConsentWithdrawn(**_FULL, purposes=purposes, withdrawn_on=day),
        *(
            c.AutomatedReview(
                **_FULL,
                decision="the refusal of your loan",
                decided_on=day,
                changed=changed,
                reasons=("your new income was left out", "your payslip of April"),
                authority=_AUTHORITY,
            )
            for changed in (True, False)
        ),
    )


def _refusals() -> tuple[c.Letter, ...]:
    rights = ("erasure",)
    return (
        c.PartiallyGranted(
            **_FULL,
            rights=rights,
            granted=("marketing profile",),
            reasons=_REASONS,
            authority=_AUTHORITY,
            recipients=_RECIPIENTS,
        ),
        c.PartiallyGranted(
            **_LEAST, rights=rights, granted=("marketing profile",), reasons=_REASONS[:1], authority=_AUTHORITY
        ),
        c.Refused(**_FULL, rights=rights, reasons=(*_REFUSAL, *_REASONS), authority=_AUTHORITY),
        c.Refused(**_LEAST, rights=rights, reasons=_REFUSAL, authority=_AUTHORITY),
        c.RecipientsTold(
            **_FULL,
            rights=rights,
            recipients=(f.Told(name="Parcel Swift Ltd", on=date(2026, 5, 19)), f.Told(name="Ledger & Sons")),
        ),
        c.KeptErased(
            **_FULL, categories=("accounting records",), told_on=date(2026, 5, 20), erased_on=date(2037, 1, 2)
        ),
    )


class _Incident(TypedDict):
    nature: str
    categories: tuple[str, ...]
    discovered_on: date
    consequences: tuple[str, ...]
    measures: tuple[str, ...]


_INCIDENT = _Incident(
    nature="A stranger copied a file with customer data.",
    categories=("names", "account numbers"),
    discovered_on=date(2026, 5, 15),
    consequences=("someone may pretend to be you", "you may get false calls"),
    measures=("the access was closed", "all passwords were reset"),
)


def _breaches() -> tuple[c.Letter, ...]:
    advice = ("Change your password.", "Look at your statements.")
    affected, controller, aware = "customers since 2019", "Meadow Shop", datetime(2026, 5, 15, 9, 12, tzinfo=UTC)
    return (
        c.BreachToSubject(**_FULL, **_INCIDENT, advice=advice),
        c.BreachToSubject(**_LEAST, **_INCIDENT),
        c.BreachPublic(**_FULL, **_INCIDENT, advice=advice, affected=affected),
        c.BreachPublic(**_LEAST, **_INCIDENT, affected=affected),
        c.BreachToController(
            **_FULL,
            **_INCIDENT,
            controller=controller,
            aware_at=aware,
            affected=affected,
            subjects=12_500,
            records=48_000,
        ),
        c.BreachToController(**_LEAST, **_INCIDENT, controller=controller, aware_at=aware, affected=affected),
    )
