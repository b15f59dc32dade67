import re
from importlib import resources
from pathlib import Path

import pytest

from lethe_letters import KINDS, Language, Letters, PartMissing, TemplateError
from lethe_letters.samples import samples


def source(name: str) -> str:
    return resources.files("lethe_letters").joinpath("templates", name).read_text(encoding="utf-8")


def override(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return directory


def without(text: str, part: str) -> str:
    assert f'part("{part}")' in text
    return re.sub(rf'{{% call part\("{part}"\) %}}.*?{{% endcall %}}', "", text, flags=re.DOTALL)


def own_parts() -> list[tuple[str, str]]:
    return [(kind.name, p.id) for kind in KINDS.values() for p in kind.parts if f'part("{p.id}")' in body(kind.name)]


def body(kind: str) -> str:
    return source(f"en/{kind}.j2")


@pytest.mark.parametrize(("number", "kind", "part"), [(n, k, p) for n, (k, p) in enumerate(own_parts())])
def test_a_template_that_drops_a_required_part_is_refused_by_name(
    tmp_path: Path, number: int, kind: str, part: str
) -> None:
    language = list(Language)[number % len(Language)]
    name = f"{language}/{kind}.j2"
    text = without(source(name), part)
    if not re.search(r"part\(|\(c\)", text):
        text += "Something else."
    with pytest.raises(PartMissing) as refused:
        Letters(override(tmp_path, name, text))
    assert str(tmp_path / name) in str(refused.value)
    assert f"part {part!r} (Art." in str(refused.value)


@pytest.mark.parametrize("part", ["authority", "court", "recipients", "reasons", "nature", "measures", "contact"])
def test_shared_words_that_drop_a_required_part_are_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(PartMissing, match=f"part {part!r}"):
        Letters(override(tmp_path, "de/_shared.j2", without(source("de/_shared.j2"), part)))


def test_a_part_that_is_there_but_does_not_show_what_it_has_to_is_refused(tmp_path: Path) -> None:
    text = source("en/extension.j2").replace("{{ day(c.new_due) }}", "some day")
    with pytest.raises(PartMissing, match=r"part 'deadline' \(Art\. 12\(3\)\): it does not show value 3 of 4"):
        Letters(override(tmp_path, "en/extension.j2", text))


def test_a_part_left_out_only_for_some_letters_is_refused(tmp_path: Path) -> None:
    text = source("en/erased.j2").replace("{% if c.backups_until %}", "{% if c.backups_until and not c.suppression %}")
    with pytest.raises(PartMissing, match="'backups'"):
        Letters(override(tmp_path, "en/erased.j2", text))


def test_a_layout_that_drops_the_body_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match=r"letter\.txt\.j2 leaves out the part"):
        Letters(override(tmp_path, "letter.txt.j2", "{{ document.subject }}"))


def test_a_complete_template_of_a_controller_is_used_and_the_original_can_be_included(tmp_path: Path) -> None:
    text = '{% include "builtin/refused.j2" %}\n\nWe are sorry.\n{% call subject() %}Our answer{% endcall %}'
    rendered = Letters(override(tmp_path, "en/refused.j2", text)).render(samples("refused")[0], Language.EN)
    assert rendered.subject == "Our answer"
    assert "We are sorry." in rendered.text
    assert "We are sorry." in rendered.html
    assert rendered.parts == ("refusal", "reasons", "authority", "court")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{% call subject() %}Hi", "line 1"),
        ("{% call subject() %}{{ c.nobody }}{% endcall %}", "nobody"),
        ('{% call subject() %}{{ "".__class__.__mro__ }}{% endcall %}', "unsafe"),
        ("{% include 'builtin/unheard.j2' %}", "unheard"),
        ("{% call subject() %}{{ day('soon') }}{% endcall %}", "cannot be rendered"),
        ("Only a body.", "has no subject"),
    ],
)
def test_a_broken_template_is_refused_with_file_and_reason(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(str(tmp_path / "en/refused.j2"))) as refused:
        Letters(override(tmp_path, "en/refused.j2", text))
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["en/refusal.j2", "sv/refused.j2", "refused.j2", "en/refused.html"])
def test_a_file_that_no_letter_would_ever_use_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateError, match="is the template of no letter"):
        Letters(override(tmp_path, name, "x"))


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="is no directory"):
        Letters(tmp_path / "nowhere")
