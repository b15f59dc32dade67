"""What the file of controllers says about letters. A controller without `letters` sends none.

letters:
  page: https://privacy.acme.example/requests/{dsr_id}
  language: de
  templates: letters/acme        # a directory beside the file: <language>/<kind>.j2
  sender: privacy@acme.example
  acknowledge: true
  lift_notice: 7                 # days from the letter that a restriction ends to its lifting
  dpo: {name: Mira Holt, email: dpo@acme.example}
  authority: {name: …, website: …, address: …}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from intake.domain.letter_policy import NATIVE, LetterPolicy, Named
from lethe_letters import Language, LetterError, Letters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
_Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
_Page = Annotated[str, StringConstraints(pattern=r"^https?://\S*\{dsr_id\}\S*$", max_length=500)]
_Site = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Dpo(_Part):
    name: _Text
    email: _Email
    address: _Text | None = None


class _Authority(_Part):
    name: _Text
    website: _Site
    address: _Text | None = None


class LettersEntry(_Part):
    """The section of one controller."""

    page: _Page
    language: Language | None = None
    templates: _Text | None = None
    sender: _Email | None = None
    acknowledge: bool = True
    lift_notice: int = Field(default=7, ge=0, le=365)
    """Days between the letter that a restriction ends and its lifting; the orchestrator goes by it (Art. 18(3))."""
    dpo: _Dpo | None = None
    authority: _Authority | None = None


Section = LettersEntry | Literal["none"] | None


class _Controller(BaseModel):
    controller_id: str
    country: str
    letters: Section = Field(default=None)


class _File(BaseModel):
    controllers: list[_Controller]


def read_letter_policies(path: Path) -> tuple[Mapping[str, LetterPolicy], Mapping[str, Letters]]:
    """Policy and templates by controller. Every template is tried at once, on letters of its kind.

    Raises ValueError naming file, field and fault; for a template, the file and the part that the law requires of it.
    """
    try:
        found = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        faults = [f"{path.name}: {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(faults)) from None
    policies: dict[str, LetterPolicy] = {}
    letters: dict[str, Letters] = {}
    usual = Letters()
    for entry in found.controllers:
        if isinstance(entry.letters, LettersEntry):
            policies[entry.controller_id] = policy = _policy(path, entry.country, entry.letters)
            try:
                letters[entry.controller_id] = usual if policy.templates is None else Letters(policy.templates)
            except LetterError as error:
                raise ValueError(f"{path.name}: {entry.controller_id}: letters.templates: {error}") from None
    return policies, letters


def _policy(path: Path, country: str, said: LettersEntry) -> LetterPolicy:
    dpo, authority = said.dpo, said.authority
    return LetterPolicy(
        language=said.language.value if said.language else NATIVE.get(country.partition("-")[0], "en"),
        page=said.page,
        templates=None if said.templates is None else path.parent / said.templates,
        sender=said.sender,
        acknowledge=said.acknowledge,
        dpo=None if dpo is None else Named(dpo.name, email=dpo.email, address=dpo.address),
        authority=None if authority is None else Named(authority.name, authority.website, address=authority.address),
    )
