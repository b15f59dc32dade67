"""`lethe register`: check the files of the register, see and reload the one in force."""

# ruff: noqa: TC003 - typer reads options from parameters and evaluates their annotations

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lethe_client.cli.exits import Exit
from lethe_client.cli.output import Json, group, print_json, print_pairs, print_table
from lethe_client.errors import BadInput
from lethe_client.orchestrator import connect

app = group("The register of processors: check its files, see and reload the one in force.")


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="The directory of the register.", show_default=False)],
    live: Annotated[bool, typer.Option(help="Also look, read-only, whether the databases are as described.")] = False,
    as_json: Json = False,
) -> int:
    """Check the files of a register; prints every problem with its fix; exit code 1 if it is unusable."""
    from lethe_processors.credentials import Credentials
    from lethe_processors.register import check_live, check_register, load_register

    if not directory.is_dir():
        raise BadInput(f"{directory} is not a directory: name the one with a YAML file per processor")
    problems = check_register(directory)
    if live and not any(p.blocking for p in problems):
        problems += asyncio.run(check_live(load_register(directory), Credentials(directory=directory)))
    usable = not any(p.blocking for p in problems)
    if as_json:
        print_json({"usable": usable, "problems": [asdict(p) for p in problems]})
    else:
        for problem in problems:
            print(problem)
        if usable:
            print(f"{directory}: usable{f', {len(problems)} warning(s)' if problems else ''}")
    return Exit.OK if usable else Exit.NO


@app.command()
def show(as_json: Json = False) -> None:
    """Show the register that the orchestrator works by."""

    async def ask() -> None:
        async with connect() as orchestrator:
            found = await orchestrator.register()
        if as_json:
            print_json(found)
            return
        print_pairs([("version", found.version), ("loaded", f"{found.loaded_at.isoformat()} by {found.loaded_by}")])
        rows = [(p.processor, p.name, p.role, ", ".join(p.controllers), p.connector) for p in found.processors]
        print_table(("processor", "name", "role", "controllers", "reached by"), rows, nothing="No processors.")

    asyncio.run(ask())


@app.command()
def load(as_json: Json = False) -> None:
    """Have the orchestrator read its register directory again; sagas keep the version they were planned with."""

    async def ask() -> None:
        async with connect() as orchestrator:
            found = await orchestrator.load_register()
        if as_json:
            print_json(found)
        else:
            print(f"{found.version}: {'now in force' if found.is_new else 'was in force already'}")

    asyncio.run(ask())
