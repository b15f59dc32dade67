"""Acts on notices: drafted, signed off, filed; controllers and data subjects told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breach_notifier.domain.case import Case, Filing, Letters, Notice
from breach_notifier.domain.decision import Applied, Command, Do, Ignored, Rejected, Verdictless
from breach_notifier.domain.opening import without
from breach_notifier.domain.words import Code, Party, Status

if TYPE_CHECKING:
    from breach_notifier.domain import events as e


def draft(case: Case, event: e.NoticeDrafted) -> Verdictless:
    """A version. Phases (Art. 33(4)): the first is complete or incomplete, only what was filed can be withdrawn."""
    if case.party is Party.PROCESSOR:
        return Rejected("not_a_controller", "a processor tells its controller, not the authority (Art. 33(2))")
    if not event.sha256.strip():
        return Rejected("no_hash", "a version is named by the hash of its content")
    if case.notice(event.sha256) is not None:
        return Ignored("this version is there")
    if event.status is Status.WITHDRAWN and not case.filings:
        return Rejected("nothing_filed", "only a notice that was filed can be withdrawn")
    notice = Notice(len(case.notices) + 1, event.sha256, event.status, event.by, event.at)
    return Applied(replace(case, notices=(*case.notices, notice)), (Command(Do.ASK_CONFIRMATION, "notice"),))


def sign_off(case: Case, event: e.NoticeSignedOff) -> Verdictless:
    notice = case.notice(event.sha256)
    if notice is None:
        return Rejected("unknown_notice", "no version has this content: sign the one that was drafted")
    if notice.by == event.by:
        return Rejected("own_notice", "a second person signs off what the first one wrote")
    if notice.signed_by is not None:
        return Ignored("signed off already")
    signed = tuple(replace(n, signed_by=event.by) if n is notice else n for n in case.notices)
    return Applied(replace(case, notices=signed), (Command(Do.FILE_NOTICE, str(notice.number)),))


def file(case: Case, event: e.NoticeFiled) -> Verdictless:
    """Recorded as filed only with reference, instant and copy, of a version that was signed off."""
    notice = case.notice(event.sha256)
    if notice is None or notice.signed_by is None:
        return Rejected("not_signed_off", "this content was not signed off: have it signed, or file what was")
    before = case.last_filing(event.authority)
    if before is not None and before.notice == notice.number:
        return Ignored("this version was filed there")
    refused = _unproven(case, event) or (_wrong_first(case, event, notice) if before is None else None)
    return refused or Applied(_filed(case, event, notice))


def _unproven(case: Case, event: e.NoticeFiled) -> Rejected | None:
    assert case.clock is not None
    if not event.reference.strip() or not event.copy_sha256.strip():
        return Rejected("no_proof", "filed means: the authority's reference and a copy of what was sent")
    if event.filed_at.tzinfo is None or not case.clock.aware_at <= event.filed_at <= event.at:
        return Rejected("impossible_filing", "filed after the awareness and not in the future, with an offset")
    return None


def _wrong_first(case: Case, event: e.NoticeFiled, notice: Notice) -> Rejected | None:
    assert case.clock is not None
    if case.authorities and event.authority not in case.authorities:
        return Rejected("other_authority", "this authority is not among those decided on: decide again to add it")
    if notice.status is Status.WITHDRAWN:
        return Rejected("nothing_filed", "nothing was filed with this authority that could be withdrawn")
    if case.clock.reasons_needed(event.filed_at) and not event.reasons_for_delay.strip():
        return Rejected("late_without_reasons", "after 72 hours the notice is accompanied by reasons (Art. 33(1))")
    return None


def _filed(case: Case, event: e.NoticeFiled, notice: Notice) -> Case:
    assert case.clock is not None
    first = case.last_filing(event.authority) is None
    filing = Filing(
        authority=event.authority,
        notice=notice.number,
        status=notice.status,
        drafted_at=notice.at,
        reference=event.reference,
        filed_at=event.filed_at,
        copy_sha256=event.copy_sha256,
        by=event.by,
        late=first and case.clock.late(event.filed_at),
        reasons_for_delay=event.reasons_for_delay,
    )
    right = case.changed_at is None or notice.at >= case.changed_at
    alerts = without(case.alerts, Code.FOLLOW_UP_OWED) if right else case.alerts
    return replace(case, filings=(*case.filings, filing), alerts=alerts)


def tell_controller(case: Case, event: e.ControllerTold) -> Verdictless:
    if case.party is Party.CONTROLLER:
        return Rejected("not_a_processor", "this case is the controller's own: it decides and notifies")
    if not event.reference.strip() or not event.copy_sha256.strip():
        return Rejected("no_proof", "told means: a reference and a copy of what was sent")
    return Applied(replace(case, controller_told=event.reference))


def tell_subjects(case: Case, event: e.SubjectsTold) -> Verdictless:
    if case.party is Party.PROCESSOR:
        return Rejected("not_a_controller", "the controller tells data subjects, or asks its processor to (Art. 34)")
    if event.told < 0 or event.undelivered < 0:
        return Rejected("impossible_numbers", "numbers of letters from 0")
    if event.told == 0:
        return Rejected("nobody_told", "nobody was reached: tell them publicly, with an exemption under Art. 34(3)(c)")
    if not event.proof_sha256.strip():
        return Rejected("no_proof", "the hash of the list of deliveries proves them")
    letters = Letters(event.told, event.undelivered, event.proof_sha256, event.at, event.by)
    if case.letters is not None and case.letters.proof_sha256 == event.proof_sha256:
        return Ignored("these deliveries are recorded")
    return Applied(replace(case, letters=letters, alerts=without(case.alerts, Code.ORDERED)))
