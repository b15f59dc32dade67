"""`lethe certificate`: fetch a certificate, and check one without asking anybody."""

# ruff: noqa: TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from lethe_client import certificate as checking
from lethe_client.cli.output import Json, group, note, print_json, print_pairs
from lethe_client.errors import BadInput
from lethe_client.orchestrator import connect
from lethe_client.seals import verify_inclusion
from lethe_client.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

app = group("Signed certificates of closed requests: fetch, and check offline.")
PINNED = "LETHE_VERIFY_KEY"


@app.command()
def show(
    dsr_id: Annotated[UUID, typer.Argument(metavar="DSR_ID", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Write the signed document to this file instead.")] = None,
) -> None:
    """Print the signed certificate of a closed request, as JSON."""

    async def ask() -> None:
        async with connect() as orchestrator:
            document = await orchestrator.certificate(dsr_id)
        if out is None:
            print_json(document)
            return
        try:
            out.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{out}: {error.strerror}") from error
        print(out)

    asyncio.run(ask())


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The signed certificate, as show gave it.", show_default=False)],
    key: Annotated[
        Path | None,
        typer.Option(help=f"The public key: PEM, or the JSON of GET /v1/keys. Default: {PINNED}.", envvar=PINNED),
    ] = None,
    chain: Annotated[
        Path | None, typer.Option(help="Also check the audit chain in this file (lethe saga events --json).")
    ] = None,
    seal: Annotated[
        Path | None, typer.Option(help="And that the chain is under the seal in this file (lethe saga seal).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a certificate offline; exit code 0 if it is genuine, 1 if it is not.

    Genuine means: signed with this key, not changed since, and, with --chain, standing on that audit log. What the
    certificate itself calls not proven stays not proven.
    """
    keys = _keys(key)
    verified = checking.verify(checking.read_document(file), keys)
    proven = _chain(verified, keys, chain, seal)
    content = verified.certificate
    if as_json:
        print_json({"genuine": True, "key_id": verified.key_id, "sha256": verified.sha256, "certificate": content})
        return
    dsr = content.get("dsr", {})
    print_pairs(
        [
            ("genuine", f"yes, signed with {verified.key_id}{proven}"),
            ("sha256", verified.sha256),
            ("dsr", dsr.get("id")),
            ("controller", dsr.get("controller")),
            ("right", dsr.get("right")),
            ("result", content.get("result")),
            ("closed at", content.get("closed_at")),
        ]
    )
    for line in content.get("processors", []):
        print(f"- {line.get('processor')}: {line.get('verdict')}")
    for line in content.get("not_proven", []):
        where = f"{line['processor']}: " if "processor" in line else ""
        note(f"not proven: {where}{line.get('meaning')}")


def _chain(
    verified: checking.Verified, keys: Mapping[str, Ed25519PublicKey], chain: Path | None, seal: Path | None
) -> str:
    """What was checked beyond the signature, for people."""
    if chain is None:
        if seal is not None:
            raise BadInput("--seal needs --chain: a seal covers a chain")
        return ""
    links = checking.read_document(chain).get("links")
    if not isinstance(links, list):
        raise BadInput(f"{chain} is not an audit chain: it needs the member links")
    hashes = checking.verify_chain(links)
    checking.stands_on(verified, hashes)
    if seal is None:
        return ", on its audit chain"
    sealed = verify_inclusion(checking.read_document(seal), hashes, keys)
    return f", on its audit chain, sealed up to link {sealed} of {len(hashes)}"


def _keys(path: Path | None) -> Mapping[str, Ed25519PublicKey]:
    if path is None:
        pinned = Settings.find().optional(PINNED)
        if pinned is None:
            raise BadInput(f"--key is needed: the public key that the certificate has to be signed with (or {PINNED})")
        path = Path(pinned)
    return checking.read_key_file(path)
