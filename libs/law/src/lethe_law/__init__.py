"""The law that Lethe goes by. Pure: `now` never matters here, only what happened and where."""

from lethe_law.calendars import Calendar, calendar_of, load_calendars
from lethe_law.cases import CaseResult, evaluate_cases
from lethe_law.clock import ClockResult, due, first_month
from lethe_law.errors import CaseError, ClockError, LawError, UnsupportedPlace
from lethe_law.extensions import EXTENSION_REASONS
from lethe_law.grounds import GROUNDS, Effect, Ground, UnknownGround, ground, grounds
from lethe_law.history import Event, Kind
from lethe_law.places import regime_of, supported_countries, zone_of

__all__ = [
    "EXTENSION_REASONS",
    "GROUNDS",
    "Calendar",
    "CaseError",
    "CaseResult",
    "ClockError",
    "ClockResult",
    "Effect",
    "Event",
    "Ground",
    "Kind",
    "LawError",
    "UnknownGround",
    "UnsupportedPlace",
    "calendar_of",
    "due",
    "evaluate_cases",
    "first_month",
    "ground",
    "grounds",
    "load_calendars",
    "regime_of",
    "supported_countries",
    "zone_of",
]
