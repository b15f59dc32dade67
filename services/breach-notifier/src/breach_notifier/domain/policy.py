"""What a deployer says about its controllers, as far as breaches are concerned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breach_notifier.domain.words import Party
from lethe_law.places import EEA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breach_notifier.domain.correlation import Suppression
    from lethe_law.breach.template import Value


@dataclass(frozen=True, slots=True)
class ControllerPolicy:
    """`main`: code of the authority of the main establishment. `stated`: fields of the notice that never change.

    `party`: as what the deployer acts for this controller. `laws`: others whose duties are reminded of.
    """

    controller_id: str
    country: str
    zone: str
    regime: str
    party: Party = Party.CONTROLLER
    main: str | None = None
    cross_border: bool | None = None
    laws: tuple[str, ...] = ()
    stated: Mapping[int, Value] = field(default_factory=dict)

    @property
    def in_eea(self) -> bool:
        return self.country in EEA


@dataclass(frozen=True, slots=True)
class Policy:
    """`aware_rules`: rules of correlation that declare awareness by themselves. `receivers`: who is called, by name.

    `cases_an_hour`: how many cases signals may open for one controller in an hour; what exceeds it is one flood.
    """

    controllers: Mapping[str, ControllerPolicy]
    suppressions: tuple[Suppression, ...] = ()
    aware_rules: frozenset[str] = frozenset()
    receivers: tuple[str, ...] = ()
    cases_an_hour: int = 20
