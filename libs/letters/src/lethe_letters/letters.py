"""Letters: templates read and tried once, then rendered to text and HTML from one source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
)
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from lethe_letters import document as d
from lethe_letters.contexts import BreachPublic
from lethe_letters.errors import LetterError, PartMissing, TemplateError
from lethe_letters.parts import KINDS
from lethe_letters.samples import samples
from lethe_letters.words import Language, Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lethe_letters.contexts import Letter
    from lethe_letters.parts import Kind

_SCHEMES = ("https://", "http://", "mailto:")
_LAYOUTS = ("letter.html.j2", "letter.txt.j2")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One letter in one language. `parts`: the ids of the marked parts, in the order in which they stand."""

    subject: str
    text: str
    html: str
    parts: tuple[str, ...]


class Letters:
    """Renders letters of every kind in every language. Safe to share; rendering has no effects.

    `overrides`: a directory `<language>/<kind>.j2` of a controller's own templates, and `letter.html.j2` and
    `letter.txt.j2` for the layouts. Each is tried at once on letters of its kind: one that cannot be rendered, drops
    a part that the law requires, or has a name that no letter has, raises TemplateError naming the file. An own
    template reaches the original as `builtin/<kind>.j2` to include it.
    """

    def __init__(self, overrides: Path | None = None) -> None:
        self._overrides = overrides
        self._made: dict[tuple[Language, bool], _Edition] = {}
        if overrides is not None:
            self._try(overrides)

    def render(self, letter: Letter, language: Language) -> Rendered:
        """Raises PartMissing instead of giving out a letter without what the law requires of it."""
        return self._edition(language, uk=letter.sender.uk).render(letter)

    def _edition(self, language: Language, *, uk: bool) -> _Edition:
        key = (language, uk)
        if key not in self._made:
            self._made[key] = _Edition(Words(language, uk=uk), self._overrides)
        return self._made[key]

    def _try(self, directory: Path) -> None:
        if not directory.is_dir():
            raise TemplateError(f"{directory} is no directory: give one that has <language>/<kind>.j2 in it")
        files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
        known = {f"{language}/{kind}.j2": (language, kind) for language in Language for kind in [*KINDS, "_shared"]}
        if strange := sorted(files - known.keys() - set(_LAYOUTS)):
            raise TemplateError(
                f"{directory / strange[0]} is the template of no letter: names are <language>/<kind>.j2 with a language"
                f" of {', '.join(Language)} and a kind of {', '.join(KINDS)}"
            )
        everything = files & set(_LAYOUTS)
        shared = {name.split("/")[0] for name in files if name.endswith("/_shared.j2")}
        for name, (language, kind) in known.items():
            if kind in KINDS and (everything or language in shared or name in files):
                for letter in samples(kind):
                    self.render(letter, language)


class _Edition:
    """The templates of one language."""

    def __init__(self, words: Words, overrides: Path | None) -> None:
        self._words = words
        self._overrides = overrides
        self._environment = self._make(_loader(words.language, overrides), finalize=_value)
        self._environment.globals.update(_vocabulary(words))
        self._layouts = self._make(_loader(None, overrides), finalize=_one_line)

    def render(self, letter: Letter) -> Rendered:
        kind = KINDS[letter.kind]
        name = f"{letter.kind}.j2"
        stream = self._fill(self._environment, name, c=letter)
        document = d.parse(stream)
        if not document.subject:
            raise TemplateError(f"{self._where(name)} has no subject: add {{% call subject() %}}…{{% endcall %}}")
        frame = self._words.frame
        greeting = frame["greeting_to"].format(name=letter.addressee) if letter.addressee else frame["greeting"]
        shown = {
            "c": letter,
            "document": document,
            "frame": frame,
            "greeting": None if isinstance(letter, BreachPublic) else greeting,
            "language": self._words.language,
            "day": self._words.day,
            "contact": letter.sender.contact_point,
        }
        html, text = (self._fill(self._layouts, layout, **shown) for layout in _LAYOUTS)
        self._demand(kind, letter, document, text, html)
        return Rendered(document.subject, text, html, tuple(s.part for s in document.sections if s.part))

    def _demand(self, kind: Kind, letter: Letter, document: d.Document, text: str, html: str) -> None:
        said: dict[str, str] = {}
        for section in document.sections:
            if section.part:
                said[section.part] = f"{said.get(section.part, '')}\n{section.text}"
        for part in kind.required(letter):
            where = f"{self._where(f'{kind.name}.j2')} lacks the part {part.id!r} (Art. {part.article})"
            if part.id not in said:
                raise PartMissing(f'{where}: add {{% call part("{part.id}") %}}…{{% endcall %}}')
            values = [value for value in map(d.clean, part.shows(letter, self._words)) if value]
            for number, value in enumerate(values, start=1):
                if value not in said[part.id]:
                    raise PartMissing(f"{where}: it does not show value {number} of {len(values)} of that part")
            blocks = [block for s in document.sections if s.part == part.id for block in s.blocks]
            spans = [span.text.strip() for block in blocks for span in block.spans]
            outputs = {_LAYOUTS[0]: (html, [_escaped(span) for span in spans]), _LAYOUTS[1]: (text, spans)}
            for layout, (output, wanted) in outputs.items():
                if any(span not in output for span in wanted):
                    raise PartMissing(f"{self._where(layout)} leaves out the part {part.id!r} (Art. {part.article})")

    def _fill(self, environment: ImmutableSandboxedEnvironment, name: str, **given: object) -> str:
        try:
            return environment.get_template(name).render(**given)
        except LetterError:
            raise
        except TemplateNotFound as error:
            raise TemplateError(f"{self._where(name)}: there is no template {error.name!r}") from None
        except SecurityError as error:
            raise TemplateError(f"{self._where(name)}: {error}") from None
        except JinjaError as error:
            line = getattr(error, "lineno", None)
            raise TemplateError(f"{self._where(name)}{f', line {line}' if line else ''}: {error.message}") from None
        except Exception as error:  # noqa: BLE001 - whatever a template does; its text may hold a value of the letter
            raise TemplateError(f"{self._where(name)} cannot be rendered: {type(error).__name__}") from None

    def _where(self, name: str) -> str:
        path = name if name in _LAYOUTS else f"{self._words.language}/{name}"
        own = self._overrides / path if self._overrides else None
        return str(own) if own and own.exists() else f"templates/{path}"

    @staticmethod
    def _make(loader: BaseLoader, *, finalize: Callable[[object], object]) -> ImmutableSandboxedEnvironment:
        return ImmutableSandboxedEnvironment(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=lambda name: name is None or not name.endswith(".txt.j2"),
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )


def _loader(language: Language | None, overrides: Path | None) -> BaseLoader:
    folder = "templates" if language is None else f"templates/{language}"
    builtin = PackageLoader(__package__, folder)
    own = [] if overrides is None else [FileSystemLoader(overrides / language if language else overrides)]
    return ChoiceLoader([*own, builtin, PrefixLoader({"builtin": builtin})])


def _vocabulary(words: Words) -> dict[str, Callable[..., Any]]:
    return {
        "day": words.day,
        "moment": words.moment,
        "number": words.number,
        "both": words.both,
        "right": words.right,
        "rights": lambda codes: words.both(map(words.right, codes)),
        "ground": words.ground,
        "article": words.article,
        "cite": words.cite,
        "link": _link,
        "part": _part,
        "subject": lambda caller: Markup(f"{d.SUBJECT}{caller()}{d.SUBJECT_END}"),  # noqa: S704 - see _value
    }


def _value(value: object) -> object:
    """Every value becomes one line marked as a value: it can begin no paragraph and no item. Layouts escape it."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return Markup(f"{d.VALUE}{d.clean(value)}")  # noqa: S704 - the stream is no HTML: the layouts escape it
    return value


def _one_line(value: object) -> object:
    """Layouts escape their values; here they only lose what would begin a line."""
    return d.one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _part(name: str, caller: Callable[[], str]) -> Markup:
    return Markup(f"\n\n{d.PART}{name}{d.PART_NAMED}\n{caller()}\n{d.PART_END}\n\n")  # noqa: S704 - see _value


def _link(url: str) -> Markup | str:
    """An address to click on, if it is of a kind that is safe to click on."""
    address = d.clean(url)
    return Markup(f"{d.LINK}{address}{d.LINK_END}") if address.startswith(_SCHEMES) else address  # noqa: S704


def _escaped(text: str) -> str:
    return str(Markup.escape(text))
