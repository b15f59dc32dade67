"""Whom a notifiable breach is told to."""

from __future__ import annotations

import pytest

from lethe_law.breach.authorities import Presence, Role, authorities, authorities_to_tell
from lethe_law.breach.errors import ImpossibleFacts
from lethe_law.places import EEA


def told(presence: Presence) -> list[tuple[str, str]]:
    return [(t.authority.code, t.role.value) for t in authorities_to_tell(presence)]


def test_thirty_two_states_have_their_authority_and_each_says_where_it_is_from() -> None:
    found = authorities()
    assert {a.country for a in found.values()} == {*EEA, "GB", "CH"}
    assert set(EEA) <= set(found)
    assert sum(a.country == "DE" for a in found.values()) == 17
    assert all(a.site.startswith("https://") and a.name and a.source and a.as_of for a in found.values())
    assert all(code.split("-")[0] == a.country for code, a in found.items())


def test_a_controller_in_one_state_tells_its_own_authority() -> None:
    assert told(Presence("DE-BE", ["DE"], ["DE"])) == [("DE-BE", "competent")]


def test_a_representative_makes_no_authority_the_lead_one() -> None:
    assert told(Presence("FR", ["FR"], ["FR"], representative="FR")) == [("FR", "competent")]


def test_cross_border_processing_is_told_to_the_lead_authority_alone() -> None:
    assert told(Presence("IE", ["IE", "FR"], ["IE", "FR", "DE"], cross_border=True)) == [("IE", "lead")]


@pytest.mark.parametrize("representative", [None, "FR"])
def test_a_controller_outside_the_eea_tells_every_state_and_its_representative_changes_nothing(
    representative: str | None,
) -> None:
    presence = Presence(None, ["US"], ["PL", "FR", "ES", "US"], representative=representative, cross_border=True)
    assert told(presence) == [("ES", "concerned"), ("FR", "concerned"), ("PL", "concerned")]


def test_the_united_kingdom_and_switzerland_are_told_beside_the_lead_authority() -> None:
    presence = Presence("NL", ["NL", "GB"], ["NL", "GB-SCT", "CH"], cross_border=True)
    assert told(presence) == [("CH", "concerned"), ("GB", "competent"), ("NL", "lead")]


def test_a_british_controller_with_people_in_the_eea_has_no_one_stop_shop() -> None:
    assert told(Presence("GB", ["GB"], ["GB", "FR"])) == [("FR", "concerned"), ("GB", "competent")]


def test_nobody_to_tell_is_an_error_and_so_is_a_place_without_authority() -> None:
    with pytest.raises(ImpossibleFacts, match="subjects_in"):
        authorities_to_tell(Presence(None, ["US"], ["US"]))
    with pytest.raises(ImpossibleFacts, match="there are"):
        authorities_to_tell(Presence("ZZ"))


def test_a_deployer_can_put_the_registry_right() -> None:
    from dataclasses import replace

    known = {**authorities(), "FR": replace(authorities()["FR"], name="Renamed")}
    found = authorities_to_tell(Presence("FR"), known)
    assert (found[0].authority.name, found[0].role) == ("Renamed", Role.COMPETENT)
