"""From facts to letters: each kind in each language, by the register, and never with what the saga did not say."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml

from intake.adapters.letter_policies import read_letter_policies
from intake.application.letter_facts import Desk
from intake.application.letters import NO_SETTINGS, LetterDesk, LetterTelling, Settled
from intake.application.writing import acknowledgement, letter_of
from intake.domain.letter_policy import LetterPolicy, Named
from intake.domain.model import Controller
from lethe_events import LetterReason, LetterReported, LetterRequested, decode
from lethe_events.models import to_python
from lethe_events.words import Right
from lethe_letters import IncompleteLetter, Language, Letters

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 5, 20, 23, 30, tzinfo=UTC)
DSR = uuid.UUID("018f3c5e-7a10-7c3e-9a51-1e7e0000000a")
ACME = Controller("acme", "Acme GmbH", "DE", "privacy@acme.example")
POLICY = LetterPolicy("de", "https://acme.example/{dsr_id}", dpo=Named("Mira Holt", email="dpo@acme.example"))
SHOP = {
    "name": "Shop database",
    "role": "own_system",
    "purposes": [["essential.service", "6(1)(b)"], ["marketing.communications.email", "6(1)(a)"]],
    "categories": ["user.contact.email", "user.financial"],
    "retention": [["user.financial", "ten years after the year ended"]],
    "country": None,
    "mechanism": None,
    "sources": ["Credit Bureau North"],
    "automated": [["credit score", "past payments are weighed", "a loan is refused"]],
}
DESK = {**SHOP, "name": "Helpdesk", "role": "processor", "country": "US", "mechanism": "scc_2021_914"}
DESK |= {"sources": [], "automated": [], "retention": []}
REGISTER = {"shop": SHOP, "helpdesk": DESK}
KEPT = LetterReason(
    ground="legal_obligation",
    article="GDPR Art. 17(3)(b)",
    category="user.financial",
    processor_id="shop",
    until=NOW + timedelta(days=3650),
)
MORE: dict[str, dict[str, Any]] = {
    "extension": {"first_due": NOW, "new_due": NOW + timedelta(days=61), "because": ("complexity",)},
    "refused": {"reasons": (LetterReason(ground="excessive", article="GDPR Art. 12(5)(b)"),)},
    "withdrawn": {},
    "nothing_held": {},
    "erased": {"processors": ("shop", "helpdesk")},
    "partially_granted": {"processors": ("shop",), "pending": ("helpdesk",), "reasons": (KEPT,)},
    "kept_erased": {"categories": ("user.financial",), "earlier_at": NOW - timedelta(days=3650)},
    "access_answer": {"processors": ("shop", "helpdesk"), "package_until": NOW + timedelta(days=30)},
    "portability": {"package_until": NOW + timedelta(days=30)},
    "rectified": {"categories": ("user.name",), "processors": ("shop",)},
    "restricted": {"categories": ("user.name",), "point": "a"},
    "restriction_lifting": {
        "processors": ("shop",),
        "because": ("accuracy_verified",),
        "new_due": NOW + timedelta(days=7),
    },
    "objection_upheld": {"purposes": ("marketing",), "marketing": True},
    "consent_withdrawn": {"purposes": ("marketing",)},
    "automated_review": {"decision": "CR-2026-17", "because": ("income_checked",)},
}


def requested(kind: str, **more: Any) -> LetterRequested:
    fields: dict[str, Any] = {
        "letter_id": DSR,
        "dsr_id": DSR,
        "subject_ref": DSR,
        "controller_id": "acme",
        "kind": kind,
        "right": Right.ERASURE,
        "country": "DE",
        "received_at": NOW - timedelta(days=5),
        "at": NOW,
    }
    return LetterRequested(**fields | MORE.get(kind, {}) | more)


def written(kind: str, language: str = "en", **more: Any) -> str:
    desk = Desk.of(ACME, POLICY, language, uk=False)
    facts = to_python(requested(kind, **more)) | {"register": REGISTER}
    rendered = Letters().render(letter_of(desk, facts, NOW), Language(language))
    return " ".join(rendered.text.split())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", MORE)
def test_every_kind_that_a_saga_may_ask_for_has_all_that_the_law_requires_in_every_language(
    kind: str, language: str
) -> None:
    assert str(DSR) in written(kind, language)


def test_a_kind_that_does_not_go_to_people_is_none() -> None:
    with pytest.raises(IncompleteLetter, match="breach_public"):
        written("breach_public")


def test_dates_are_those_of_the_controllers_country_and_a_period_names_its_last_day() -> None:
    midnight = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)  # the end of 30 June in Berlin
    text = written("extension", first_due=midnight, new_due=midnight + timedelta(days=61))
    assert "21 May 2026" in text
    assert "30 June 2026" in text
    assert "30 August 2026" in text


def test_a_part_that_is_kept_is_not_told_as_granted() -> None:
    text = written("partially_granted")
    granted = text.partition("We have done so for:")[2].partition("Our processors")[0]
    assert "e-mail address" in granted
    assert "financial" not in granted
    assert "financial data: A law requires us to keep this data." in text


def test_an_access_answer_tells_sources_decisions_recipients_and_safeguards() -> None:
    text = written("access_answer")
    for required in (
        "Credit Bureau North",
        "credit score. Logic involved: past payments are weighed",
        "Helpdesk (processor, United States)",
        "Helpdesk (United States): standard contractual clauses",
        "financial data until ten years after the year ended",
        "https://acme.example/018f3c5e-7a10-7c3e-9a51-1e7e0000000a",
        "dpo@acme.example",
    ):
        assert required in text, required
    assert "Shop database" not in text, "a controller's own system is no recipient"


def test_a_review_tells_the_decision_its_outcome_the_reasons_and_where_to_complain() -> None:
    stands, changed = written("automated_review"), written("automated_review", changed=True)
    for required in ("CR-2026-17", "income checked", "Article 22(3) GDPR", "Article 77(1) GDPR", "Article 79(1) GDPR"):
        assert required in stands, required
    assert ("The decision stands." in stands, "has been changed" in stands) == (True, False)
    assert ("The decision stands." in changed, "has been changed" in changed) == (False, True)


def test_a_rejected_objection_is_told_with_the_reasons_and_the_article_by_which_it_was_weighed() -> None:
    reasons = (LetterReason(ground="legal_claims", article="GDPR Art. 21(1)"),)
    text = written("refused", right=Right.OBJECTION, reasons=reasons, because=("running_lawsuit",))
    assert "your whole request (running lawsuit): The data is necessary for the establishment" in text
    assert "Article 21(1) GDPR" in text
    assert "Article 21(1) GDPR" not in written("refused", reasons=reasons)


def test_who_else_was_asked_to_erase_is_named() -> None:
    assert "- Helpdesk" in written("erased")


def test_an_authority_of_the_controllers_own_choosing_takes_the_place_of_the_countrys() -> None:
    authority = Named("Office of Northland", website="https://office.example")
    desk = Desk.of(ACME, LetterPolicy("en", POLICY.page, authority=authority), "en", uk=False)
    letter = letter_of(desk, to_python(requested("refused")), NOW)
    assert "Office of Northland" in Letters().render(letter, Language.EN).text
    named = letter_of(desk, to_python(requested("refused", authority="FR")), NOW)
    assert "Commission nationale" in Letters().render(named, Language.EN).text


def test_a_copy_and_an_erasure_are_acknowledged_together() -> None:
    row = {
        "dsr_id": DSR,
        "right_asked": "erasure",
        "export_first": True,
        "received_at": NOW,
        "due_date": NOW.date(),
        "regime": "gdpr",
    }
    letter = acknowledgement(Desk.of(ACME, POLICY, "en", uk=False), row, NOW)
    assert "access to your data and erasure" in Letters().render(letter, Language.EN).text


# -- what the file of controllers says


def policies(directory: Path, letters: Any) -> Any:
    path = directory / "controllers.yaml"
    entry = {"controller_id": "acme", "name": "Acme", "country": "PL", "contact": "x@acme.example", "letters": letters}
    path.write_text(yaml.safe_dump({"controllers": [entry]}))
    return read_letter_policies(path)


@pytest.mark.parametrize("letters", [None, "none"])
def test_without_a_section_nobody_is_written_to(tmp_path: Path, letters: Any) -> None:
    assert policies(tmp_path, letters) == ({}, {})


def test_the_language_is_that_of_the_country_unless_another_is_named(tmp_path: Path) -> None:
    page = "https://acme.example/{dsr_id}"
    assert policies(tmp_path, {"page": page})[0]["acme"].language == "pl"
    assert policies(tmp_path, {"page": page, "language": "nl"})[0]["acme"].language == "nl"


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ({"page": "https://acme.example/"}, "letters"),
        ({"page": "https://acme.example/{dsr_id}", "langage": "de"}, "langage"),
        ({"page": "https://acme.example/{dsr_id}", "language": "xx"}, "language"),
        ({"page": "https://acme.example/{dsr_id}", "templates": "nowhere"}, "letters.templates"),
        ("some", "letters"),
    ],
)
def test_a_section_that_cannot_be_used_is_refused_by_name(tmp_path: Path, letters: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        policies(tmp_path, letters)


def test_a_template_without_the_court_is_refused_naming_file_and_part(tmp_path: Path) -> None:
    own = tmp_path / "own" / "pl"
    own.mkdir(parents=True)
    (own / "refused.j2").write_text(
        '{% from "_shared.j2" import reasons, complaint %}{% call subject() %}Nie{% endcall %}\n'
        '{% call part("refusal") %}{{ rights(c.rights) }} ({{ article("12(4)") }}){% endcall %}\n'
        "{{ reasons(c) }}\n{{ complaint(c) }}\n"
    )
    with pytest.raises(ValueError, match=r"own/pl/refused\.j2 lacks the part 'court'"):
        policies(tmp_path, {"page": "https://acme.example/{dsr_id}", "templates": "own"})


# -- taking and telling


class Shelf:
    def __init__(self, settled: list[Settled] | None = None) -> None:
        self.kept: dict[uuid.UUID, Any] = {}
        self.waiting = settled or []

    async def keep(self, tx: Any, asked: Any) -> set[uuid.UUID]:
        new = {one.letter_id for one in asked} - self.kept.keys()
        self.kept |= {one.letter_id: one for one in asked if one.letter_id in new}
        return new

    async def is_settled(self) -> bool:
        return bool(self.waiting)

    async def settled(self, tx: Any, limit: int) -> list[Settled]:
        found, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return found


class Register:
    async def of(self, controller_id: str, version: Any, named: Any) -> Any:
        return {p: REGISTER[p] for p in REGISTER if named is None or p in named}


class Work:
    tx: Any = None

    def __init__(self) -> None:
        self.sent: list[LetterReported] = []

    def send(self, records: Any) -> None:
        self.sent += [decode(r.headers, r.value).body for r in records]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_a_letter_keeps_what_the_register_says_of_those_it_names() -> None:
    shelf, work = Shelf(), Work()
    await LetterDesk(shelf, {"acme": POLICY}, Register(), "t").take(work, [requested("erased", processors=("shop",))])
    assert list(shelf.kept[DSR].facts["register"]) == ["shop"]
    assert work.sent == []


async def test_a_letter_of_a_controller_without_letters_is_told_as_failed_once() -> None:
    shelf, work = Shelf(), Work()
    desk = LetterDesk(shelf, {}, None, "t")
    await desk.take(work, [requested("erased")])
    await desk.take(work, [requested("erased")])
    assert [(r.state, r.reason) for r in work.sent] == [("failed", NO_SETTINGS)]


@pytest.mark.parametrize(
    ("state", "reply", "reason"),
    [
        ("sent", "250 ok", None),
        ("failed", "no_address", "no_address"),
        ("failed", "550 no such mailbox", "refused_by_server"),
        ("bounced", "5.1.1", "refused_by_server"),
    ],
)
async def test_what_a_server_said_does_not_get_on_the_bus(state: str, reply: str, reason: str | None) -> None:
    work = Work()
    one = Settled(DSR, "acme", DSR, "erased", "de", state, NOW, reply, "a" * 64)

    class OneDesk:
        def work(self) -> Work:
            return work

    telling = LetterTelling(Shelf([one]), OneDesk(), "t")
    assert await telling.step() < await telling.step()
    (report,) = work.sent
    assert (report.state, report.reason, report.at) == (state, reason, NOW)
    assert report.sha256 == ("a" * 64 if state == "sent" else None)
