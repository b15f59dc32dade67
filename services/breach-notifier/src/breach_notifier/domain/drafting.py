"""The content of a notice to authorities: filled from the case, completed by people, with its gaps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from breach_notifier.domain.errors import Refused
from breach_notifier.domain.words import Party, Status
from lethe_events.canonical import canonical, sha256_hex
from lethe_law.breach.authorities import Presence, authorities_to_tell
from lethe_law.breach.errors import BreachError
from lethe_law.breach.filling import KnownCase, fill
from lethe_law.breach.notification import COMPLETE, INCOMPLETE, STATUS, Around, check_phase, gaps, problems, unfilable
from lethe_law.breach.rules import Risk
from lethe_law.breach.template import PER_COUNTRY, TEMPLATE, Value, template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from breach_notifier.domain.case import Case
    from breach_notifier.domain.policy import ControllerPolicy
    from lethe_law.breach.authorities import Told

_STATUS = {COMPLETE: Status.COMPLETE, INCOMPLETE: Status.INCOMPLETE}


@dataclass(frozen=True, slots=True)
class Content:
    """A version. `stated`: what people wrote, `answers`: all that stands in the form, `gaps`: required, not there."""

    stated: Mapping[int, Value]
    answers: Mapping[int, Value]
    gaps: tuple[int, ...]
    unfilable: tuple[int, ...]

    @property
    def status(self) -> Status:
        return _STATUS.get(str(self.answers.get(STATUS)), Status.WITHDRAWN)

    def text(self, case_id: str) -> str:
        """Canonical JSON; its hash names the version."""
        document = {
            "template": TEMPLATE,
            "case": case_id,
            "stated": _named(self.stated),
            "answers": _named(self.answers),
            "gaps": list(self.gaps),
            "unfilable": list(self.unfilable),
        }
        return canonical(document).decode()


def read(text: str) -> Content:
    """What `Content.text` wrote."""
    found = json.loads(text)
    return Content(
        {int(n): to_value(int(n), v) for n, v in found["stated"].items()},
        {int(n): to_value(int(n), v) for n, v in found["answers"].items()},
        tuple(found["gaps"]),
        tuple(found["unfilable"]),
    )


def hash_of(text: str) -> str:
    return sha256_hex(text.encode())


def draft(
    case: Case,
    policy: ControllerPolicy,
    given: Mapping[int, Value | None],
    versions: Sequence[Content],
    now: datetime,
) -> Content:
    """The next version. `given`: what is stated now; None takes back what was stated before.

    Raises Refused: nothing is known yet, a value cannot stand in its field, or this version cannot follow the others.
    """
    if case.party is Party.PROCESSOR:
        raise Refused("not_a_controller", "a processor tells its controller, not the authority (Art. 33(2))")
    if case.facts is None or case.clock is None:
        raise Refused("no_facts", "declare awareness and state the facts first: a notice is filled from them")
    strange = tuple(sorted(n for n in given if n not in template()))
    if strange:
        raise Refused("not_in_the_form", f"{TEMPLATE} has no such field", strange)
    before = versions[-1].stated if versions else {}
    stated = {n: v for n, v in (dict(policy.stated) | dict(before) | dict(given)).items() if v is not None}
    around = around_of(case, policy, now)
    answers = fill(known_case(case, policy, stated), around)
    wrong = problems(answers)
    if wrong:
        named = "; ".join(f"field {n} ({template()[n].name}): {why}" for n, why in sorted(wrong.items()))
        raise Refused("not_in_the_form", named, tuple(sorted(wrong)))
    filed = tuple(versions[f.notice - 1].answers for f in case.filings)
    try:
        check_phase(filed[-1:], answers)
    except BreachError as error:
        raise Refused("wrong_phase", str(error)) from None
    return Content(stated, answers, gaps(answers, around), unfilable(answers, around))


def around_of(case: Case, policy: ControllerPolicy, now: datetime) -> Around:
    late = case.clock is not None and not case.filings and case.clock.reasons_needed(now)
    return Around(in_eea=policy.in_eea, late=late)


def known_case(case: Case, policy: ControllerPolicy, stated: Mapping[int, Value]) -> KnownCase:
    assert case.facts is not None
    assert case.clock is not None
    counted, relief, letters = case.counted, case.relief, case.letters
    exempt = relief is not None and relief.confirmed_by is not None and letters is None
    return KnownCase(
        reference=str(case.id),
        aware_at=case.clock.aware_at,
        facts=case.facts,
        in_eea=policy.in_eea,
        stated=stated,
        risk=_risk(case),
        subjects_exact=counted is not None and counted.lower == counted.upper,
        told=_told(policy),
        cross_border=policy.cross_border,
        subjects_told_at=None if letters is None else letters.at,
        exemption=relief.exemption if exempt and relief is not None else None,
        earlier_id=case.filings[-1].reference if case.filings else None,
        follow_up=bool(case.filings),
    )


def _risk(case: Case) -> Risk | None:
    verdict = case.verdict
    if verdict is None or not verdict.stands:
        return None
    if verdict.notify_subjects:
        return Risk.HIGH
    return Risk.RISK if verdict.notify_authority else Risk.UNLIKELY


def _told(policy: ControllerPolicy) -> tuple[Told, ...]:
    try:
        presence = Presence(policy.main, (policy.country,), cross_border=bool(policy.cross_border))
        return authorities_to_tell(presence)
    except BreachError:
        return ()


def to_value(number: int, found: Any) -> Value:
    """From JSON. Raises Refused for what no field can hold."""
    if number in PER_COUNTRY:
        pairs = sorted(found.items()) if isinstance(found, dict) else found
        try:
            return tuple((str(code), int(count)) for code, count in pairs)
        except (TypeError, ValueError):
            raise Refused("not_in_the_form", f"field {number}: numbers per country", (number,)) from None
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return tuple(found)
    if isinstance(found, str | int | bool):
        return found
    raise Refused("not_in_the_form", f"field {number}: text, a number, true or false, or a list of options", (number,))


def _named(answers: Mapping[int, Value]) -> dict[str, object]:
    return {str(n): _plain(v) for n, v in answers.items()}


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return [list(one) if isinstance(one, tuple) else one for one in value]
    return value


def missing_next(case: Case, latest: Content | None) -> tuple[str, ...]:
    """What still has to happen before the next filing, in order, in words for the person at the screen."""
    steps = []
    if case.clock is None:
        return ("declare awareness",)
    if case.party is Party.PROCESSOR:
        return () if case.controller_told else ("tell the controller (Art. 33(2))",)
    if case.facts is None:
        steps.append("state the facts")
    if case.verdict is None:
        steps.append("decide whom to tell")
    elif not case.verdict.stands:
        steps.append("a second person confirms the decision")
    to_file = [a for a in case.authorities if case.last_filing(a) is None]
    owed = bool(to_file) or "follow_up_owed" in case.alerts
    owed = owed or any(f.status is Status.INCOMPLETE for f in case.filings[-1:])
    if owed or case.verdict is None:
        steps += _notice_steps(case, latest, to_file)
    return tuple(steps)


def _notice_steps(case: Case, latest: Content | None, to_file: Sequence[str]) -> list[str]:
    notice = case.notices[-1] if case.notices else None
    spent = notice is not None and any(f.notice == notice.number for f in case.filings) and not to_file
    if notice is None or latest is None or spent:
        return ["draft a notice"]
    if case.changed_at is not None and notice.at < case.changed_at:
        return [f"draft a notice again: what is known changed after version {notice.number}"]
    if latest.unfilable:
        return [f"answer field {n}: {template()[n].name}" for n in latest.unfilable]
    if notice.signed_by is None:
        return [f"a second person signs off version {notice.number}"]
    return [f"file version {notice.number} with {a}" for a in to_file] or [f"file version {notice.number}"]
