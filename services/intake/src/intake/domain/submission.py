"""Whether a request can be accepted. Every fault is told, not only the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from intake.domain.asked import NOTHING, check_asked
from intake.domain.errors import Fault, InvalidSubmission
from intake.domain.identifiers import normalise_identifiers
from intake.domain.identity import faults_of_assertion, faults_of_identity
from intake.domain.model import Submission
from lethe_events.words import Right
from lethe_law import UnsupportedPlace, regime_of, supported_countries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from intake.domain.asked import Asked
    from intake.domain.described import Described
    from intake.domain.model import Controller
    from intake.domain.transmission import Target
    from lethe_events.words import Channel

CLOCK_SKEW = timedelta(seconds=30)
"""How far the clock of a caller may be ahead of ours; such a time counts as now."""
GDPR_APPLIES = datetime(2018, 5, 25, tzinfo=UTC)
"""Art. 99(2). An earlier receipt is a slip of the pen, and its deadline would be nonsense."""


class Draft(Protocol):
    """A request as it was sent, of the right shape but unchecked in meaning."""

    @property
    def controller_id(self) -> str: ...
    @property
    def right(self) -> Right: ...
    @property
    def export_first(self) -> bool: ...
    @property
    def identifiers(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def channel(self) -> Channel: ...
    @property
    def received_at(self) -> datetime | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def note(self) -> str | None: ...
    @property
    def identity_method(self) -> str: ...
    @property
    def identity_reason(self) -> str | None: ...
    @property
    def identity_mandate(self) -> str | None: ...
    @property
    def identity_assertion(self) -> str | None: ...
    @property
    def asked(self) -> Asked: ...
    @property
    def language(self) -> str | None: ...


def check(
    draft: Draft,
    *,
    controllers: Mapping[str, Controller],
    now: datetime,
    asserted: Mapping[str, Sequence[str]] | None = None,
    described: Callable[[str], Described | None] = lambda _: None,
    targets: Mapping[str, Target] = MappingProxyType({}),
) -> Submission:
    """The request in the form in which it is kept. Raises InvalidSubmission with every fault.

    `asserted`: what the controller signed that the person is known by. `described`: what the register says of a
    controller's data; asked only where the right needs it. `targets`: other controllers that copies may be sent to.
    """
    controller = controllers.get(draft.controller_id)
    country = draft.country or (controller.country if controller else None)
    regime = _regime(controller, country)
    identifiers, faults = normalise_identifiers(draft.identifiers, country)
    if regime is None:  # a number without country code cannot be judged: the country is the fault to correct
        faults = [f for f in faults if not f.field.startswith("identifiers.phone_number")]
    if controller is None:
        faults.append(Fault("controller_id", "is not a controller of this installation", "use a configured one"))
    if country is not None and regime is None:
        fix = f"use one of {', '.join(sorted(supported_countries()))}"
        faults.append(Fault("country", "has no calendar of legal periods here", fix))
    if draft.export_first and draft.right is not Right.ERASURE:
        faults.append(Fault("export_first", "has a meaning only with right erasure", "leave it out"))
    faults += _faults_of_identity(draft, identifiers, asserted, country)
    if draft.received_at is not None:
        faults.extend(_faults_of_receipt(draft.received_at, now))
    asked = draft.asked
    known = None if asked is NOTHING or controller is None else described(controller.controller_id)
    particulars, corrections, wrong = check_asked(draft.right, asked, known)
    faults += [*wrong, *_faults_of_target(asked.transmit_to, draft.controller_id, targets)]
    if faults or controller is None or country is None or regime is None:
        raise InvalidSubmission(faults)
    return Submission(
        controller_id=controller.controller_id,
        right=draft.right,
        export_first=draft.export_first,
        identifiers=identifiers,
        channel=draft.channel,
        received_at=now if draft.received_at is None else min(draft.received_at, now).astimezone(UTC),
        country=country,
        regime=regime,
        identity=draft.identity_method,
        note=_sealed_text(draft.note, asked.grounds),
        doubt=draft.identity_reason,
        mandate=draft.identity_mandate,
        stated_received_at=draft.received_at,
        particulars=particulars,
        corrections=corrections,
        language=draft.language,
    )


def _faults_of_target(name: str | None, controller_id: str, targets: Mapping[str, Target]) -> list[Fault]:
    """Only what the deployer listed is ever called, so a request names a target and no address."""
    mine = sorted(target.target for target in targets.values() if controller_id in target.controllers)
    if name is None or name in mine:
        return []
    fix = f"use one of {', '.join(mine)}" if mine else "fetch the copy for the person; no target is configured"
    return [Fault("transmit_to", "is no target that copies may be sent to", fix)]


def _sealed_text(note: str | None, grounds: str | None) -> str | None:
    """Both are for the person who decides, so they are sealed as one text."""
    return "\n\n".join(text for text in (grounds, note) if text) or None


def _regime(controller: Controller | None, country: str | None) -> str | None:
    """The law whose periods apply, or None if there are no rules for this country."""
    if country is None:
        return None
    try:
        regime = (controller.regime if controller else None) or regime_of(country)
        return regime if country in supported_countries(regime) else None
    except UnsupportedPlace:
        return None


def _faults_of_identity(
    draft: Draft,
    identifiers: Mapping[str, tuple[str, ...]],
    asserted: Mapping[str, Sequence[str]] | None,
    country: str | None,
) -> list[Fault]:
    faults = faults_of_identity(
        draft.identity_method,
        reason=draft.identity_reason,
        mandate=draft.identity_mandate,
        assertion=draft.identity_assertion is not None,
    )
    if asserted is not None:
        faults += faults_of_assertion(identifiers, normalise_identifiers(asserted, country)[0])
    return faults


def _faults_of_receipt(received_at: datetime, now: datetime) -> list[Fault]:
    if received_at > now + CLOCK_SKEW:
        return [Fault("received_at", "is in the future", "send when the request reached the controller")]
    if received_at < GDPR_APPLIES:
        return [Fault("received_at", "is before the GDPR applied (25 May 2018)", "check the year")]
    return []
