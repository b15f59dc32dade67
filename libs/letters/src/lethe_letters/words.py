"""The words of one language: of the frame, of rights and grounds, of articles, dates and lists."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal

from lethe_law import ground as law_ground
from lethe_letters.errors import UnknownWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

_ARTICLE = re.compile(r"(\d+)(?:\((\d+)\))?(?:\(([a-z])\))?")
_PREFIX = re.compile(r"^(?:UK )?(?:GDPR )?(?:Art\. ?)?")


class Language(StrEnum):
    """Languages that letters are written in."""

    EN = "en"
    DE = "de"
    FR = "fr"
    ES = "es"
    IT = "it"
    NL = "nl"
    PL = "pl"


class Words:
    """Words and forms of one language, citing the GDPR (`uk`: the UK GDPR)."""

    def __init__(self, language: Language, *, uk: bool = False) -> None:
        words = resources.files(__package__).joinpath("words")
        self._table: Mapping[str, Any] = tomllib.loads(words.joinpath(f"{language}.toml").read_text(encoding="utf-8"))
        self._labels: Mapping[str, Mapping[str, str]] = tomllib.loads(
            words.joinpath(f"{language}.labels.toml").read_text(encoding="utf-8")
        )
        self.language = language
        # English dates are those of Ireland and the United Kingdom
        self._locale = Locale.parse("en_GB" if language is Language.EN else language.value)
        self._uk = uk

    @property
    def frame(self) -> Mapping[str, str]:
        """Greeting, closing and labels of the layouts."""
        table: Mapping[str, str] = self._table["frame"]
        return table

    def day(self, value: date) -> str:
        return format_date(value, format="long", locale=self._locale)

    def moment(self, value: datetime) -> str:
        """Date, time to the minute, and the zone's offset: a deadline without its zone is none."""
        if value.tzinfo is None:
            msg = "an instant in a letter needs its zone"
            raise ValueError(msg)
        time = format_datetime(value, "HH:mm (ZZZZ)", tzinfo=value.tzinfo, locale=self._locale)
        return f"{self.day(value)}, {time}"

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self._locale))

    def both(self, values: Iterable[str]) -> str:
        """The values as a list in a sentence."""
        return format_list(list(values), locale=self._locale)

    def right(self, code: str) -> str:
        return self._word("rights", code)

    def ground(self, code: str) -> str:
        """The reason as a sentence to the person. Raises UnknownWord."""
        return self._word("grounds", code)

    def article(self, reference: str) -> str:
        """`17(3)(b)`, or `GDPR Art. 6(1)(b), 17(1)(a)`, as the language cites it; other laws stay as they are given."""
        pieces = [_ARTICLE.fullmatch(piece.strip()) for piece in _PREFIX.sub("", reference).split(",")]
        if not all(pieces):
            return reference
        forms = self._table["article"]
        cited = [
            "".join(form.format(value) for form, value in zip(forms["parts"], piece.groups(), strict=True) if value)
            for piece in pieces
            if piece
        ]
        return f"{self.both(cited)}{forms['law_uk' if self._uk else 'law']}"

    def label(self, table: str, code: str) -> str:
        """What a code of the register or the record is called: the nearest general one where there is no exact word.

        `table`: categories, uses, roles, mechanisms, reasons, liftings, phrases. A code without any word is shown as it
        is.
        """
        words = self._labels[table]
        known = code
        while known and known not in words:
            known = known.rpartition(".")[0]
        return words[known] if known else code.replace("_", " ").replace(".", ", ")

    def country(self, code: str) -> str:
        """The name of a country (ISO 3166-1)."""
        names: Mapping[str, str] = self._locale.territories
        return names.get(code.partition("-")[0], code)

    def cite(self, code: str) -> str:
        """The article of a ground."""
        return self.article(law_ground(code).article)

    def _word(self, table: str, code: str) -> str:
        words: Mapping[str, str] = self._table[table]
        try:
            return words[code]
        except KeyError:
            known = ", ".join(words)
            raise UnknownWord(f"no words in {self.language} for {code!r} of {table}; there are: {known}") from None
