"""`lethe breach`: facts one by one, cases that belong together, notices to be read, and the rarer acts."""

# ruff: noqa: PLR0917, TC001 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from lethe_client.cli.breaches import Id, Reason, act, opened, sha256, value
from lethe_client.cli.output import Json, note, print_json, print_pairs
from lethe_client.errors import BadInput
from lethe_law.breach.exemptions import Exemption

if TYPE_CHECKING:
    from collections.abc import Sequence

Other = Annotated[UUID, typer.Argument(metavar="OTHER_CASE_ID", show_default=False)]


def add_to(app: typer.Typer) -> None:
    app.command()(facts)
    app.command()(merge)
    app.command()(relate)
    app.command()(notice)
    app.command()(exempt)
    app.command()(reopen)


def facts(
    case_id: Id,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE: what is known now; null takes it back.")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="dpc=3,ei=0.75,cb_malicious=0.5 (ENISA).")] = None,
    at_least: Annotated[int | None, typer.Option(help="So many people are concerned, counted.")] = None,
    at_most: Annotated[int | None, typer.Option(help="And no more than so many; left out: cannot be bounded.")] = None,
    proof: Annotated[Path | None, typer.Option(help="The list or query that was counted; its hash is kept.")] = None,
    as_json: Json = False,
) -> None:
    """Show the facts, correct some of them, or record how many people somebody counted."""
    if at_least is not None:
        if proof is None:
            raise BadInput("--proof is needed: the list or the query that was counted; only its hash is kept")
        act(case_id, "counted", {"lower": at_least, "upper": at_most, "proof_sha256": sha256(proof)}, as_json)
    elif at_most is not None:
        raise BadInput("--at-most goes with --at-least, for example --at-least 0 --at-most 400")
    elif set_ or severity:
        given = _given(set_ or ())
        known = _facts(case_id) | given
        body: dict[str, Any] = {"facts": {name: found for name, found in known.items() if found is not None}}
        if severity is not None:
            body["severity"] = dict(pair.partition("=")[::2] for pair in severity.split(","))
        act(case_id, "facts", body, as_json)
    elif as_json:
        print_json(_facts(case_id))
    else:
        known = _facts(case_id)
        print_pairs([(name, _words(found)) for name, found in known.items()])
        if not known:
            note("no facts are stated: lethe breach facts CASE_ID --set data='[\"contact\"]', or lethe breach assess")


def _facts(case_id: UUID) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with opened() as notifier:
            found: dict[str, Any] = (await notifier.case(case_id))["facts"] or {}
            return found

    return asyncio.run(ask())


def _given(pairs: Sequence[str]) -> dict[str, Any]:
    split = [text.partition("=") for text in pairs]
    if any(not equals or not name for name, equals, _ in split):
        raise BadInput("--set is NAME=VALUE, for example --set subjects=400 or --set data='[\"health\"]'")
    return {name: value(text) for name, _, text in split}


def _words(found: object) -> str:
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)


def merge(
    case_id: Id,
    into: Annotated[UUID, typer.Option(help="The case that goes on.", show_default=False)],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """The same incident as another case: it goes on there, with the earliest awareness of both."""
    act(case_id, "merge", {"into": str(into), "reason": reason}, as_json)


def relate(case_id: Id, other: Other, reason: Reason, as_json: Json = False) -> None:
    """Another case that readers of this one should know of; each keeps its clock."""
    act(case_id, "relate", {"other": str(other), "reason": reason}, as_json)


def notice(
    case_id: Id,
    version: Annotated[int, typer.Argument(help="Which version.", min=1)],
    pdf: Annotated[Path | None, typer.Option(help="Write it to this file as PDF.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show a version of the notice to an authority, or save it as PDF; its hash is that of the copy."""

    async def ask() -> dict[str, Any]:
        async with opened() as notifier:
            if pdf is not None:
                content = await notifier.notice_pdf(case_id, version)
                await asyncio.to_thread(pdf.write_bytes, content)
            return await notifier.notice(case_id, version)

    try:
        found = asyncio.run(ask())
    except OSError as error:
        raise BadInput(f"{pdf}: cannot be written ({type(error).__name__})") from None
    if as_json:
        print_json(found)
        return
    content = found["content"]
    gaps, unfilable = (", ".join(map(str, content[name])) for name in ("gaps", "unfilable"))
    print_pairs(
        [
            ("version", str(found["number"])),
            ("sha256", found["sha256"]),
            ("drafted", f"{found['drafted_at']} by {found['drafted_by']}"),
            ("gaps", gaps),
            ("cannot be filed without", unfilable),
            *((f"field {number}", _words(answer)) for number, answer in content["answers"].items()),
            ("pdf", f"{pdf}, sha256 {sha256(pdf)}" if pdf is not None else None),
        ]
    )


def exempt(
    case_id: Id,
    exemption: Annotated[Exemption | None, typer.Option("--as", help="Which one (Art. 34(3)).")] = None,
    evidence: Annotated[list[str] | None, typer.Option(help="PROOF=FILE: what proves it; the hash is kept.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Confirm another person's exemption.")] = False,
    as_json: Json = False,
) -> None:
    """Claim that data subjects need not be told, with evidence; a second person confirms (--confirm)."""
    if confirm:
        act(case_id, "exemption/confirm", None, as_json)
        return
    if exemption is None:
        raise BadInput("--as is needed: protected, averted or disproportionate (Art. 34(3))")
    split = [text.partition("=") for text in evidence or []]
    if any(not equals for _, equals, _ in split):
        raise BadInput("--evidence is PROOF=FILE, for example --evidence key_safe=report.pdf")
    shown = [{"proof": proof, "reference": Path(path).name, "sha256": sha256(Path(path))} for proof, _, path in split]
    act(case_id, "exemption", {"exemption": exemption.value, "evidence": shown}, as_json)


def reopen(case_id: Id, reason: Reason, as_json: Json = False) -> None:
    """Open a dismissed, closed or merged case again."""
    act(case_id, "reopen", {"reason": reason}, as_json)
