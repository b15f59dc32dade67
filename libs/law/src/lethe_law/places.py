"""Where a controller is established: its zone and its calendar. One zone per country, that of the capital.

Overseas parts and islands with another zone (the Azores, the Canaries, French overseas departments) are not told
apart: they lie west of the capital, where the day ends later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_law.errors import UnsupportedPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

EEA: Mapping[str, str] = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IS": "Atlantic/Reykjavik",
    "IT": "Europe/Rome",
    "LI": "Europe/Vaduz",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}
UK: Mapping[str, str] = {
    "GB": "Europe/London",  # only the bank holidays that all of the United Kingdom has: the earliest date
    "GB-EAW": "Europe/London",  # England and Wales
    "GB-SCT": "Europe/London",
    "GB-NIR": "Europe/London",
}
OTHERS: Mapping[str, str] = {"CH": "Europe/Zurich", "US-CA": "America/Los_Angeles", "BR": "America/Sao_Paulo"}

ZONES: Mapping[str, str] = {**EEA, **UK, **OTHERS}

PLACES: Mapping[str, frozenset[str]] = {
    # the GDPR also binds controllers established outside the Union (Art. 3(2))
    "gdpr": frozenset({*EEA, *UK, "CH"}),
    "uk-gdpr": frozenset({*UK, *EEA, "CH"}),
    "ch-fadp": frozenset({"CH"}),
    "ccpa": frozenset({"US-CA"}),
    "lgpd": frozenset({"BR"}),
}
"""Regime → the places for which its dates can be told."""


def supported_countries(regime: str = "gdpr") -> frozenset[str]:
    """Country codes that `first_month` takes under a regime. Raises UnsupportedPlace for a regime without rules."""
    try:
        return PLACES[regime]
    except KeyError:
        raise UnsupportedPlace(f"no rules for the regime {regime!r}; there are: {', '.join(PLACES)}") from None


def regime_of(country: str) -> str:
    """The data-protection law of the country of establishment, as a regime code. Raises UnsupportedPlace."""
    if country in EEA:
        return "gdpr"
    if country in UK:
        return "uk-gdpr"
    for regime in ("ch-fadp", "ccpa", "lgpd"):
        if country in PLACES[regime]:
            return regime
    raise UnsupportedPlace(f"no rules for the country {country!r}; there are: {', '.join(sorted(ZONES))}")


def zone_of(country: str) -> str:
    """IANA zone of a country. Raises UnsupportedPlace."""
    try:
        return ZONES[country]
    except KeyError:
        raise UnsupportedPlace(f"no zone for the country {country!r}; there are: {', '.join(sorted(ZONES))}") from None
