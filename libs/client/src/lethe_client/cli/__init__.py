"""The `lethe` command line."""

from __future__ import annotations

import sys

from lethe_client.cli.exits import Exit, exit_of


def main() -> None:
    """Run the command; every failure is one line on stderr and an exit code that means something."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of a command line. Never raises for what a user or a service did."""
    import typer

    from lethe_client.cli.app import app
    from lethe_client.errors import LetheError

    try:
        result = app(arguments or ["--help"], standalone_mode=False, prog_name="lethe")
    except (typer.Abort, KeyboardInterrupt):
        return _tell("interrupted", Exit.INTERRUPTED)
    except LetheError as error:
        return _tell(str(error), exit_of(error))
    except BrokenPipeError:
        return _closed_pipe()
    except typer.TyperException as error:
        return _usage(error)
    return int(result) if isinstance(result, int) else Exit.OK


def _usage(error: Exception) -> int:
    """A group without a command shows its help; everything else is one line."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error)
        return Exit.USAGE
    message = getattr(error, "format_message", lambda: str(error))()
    return _tell(f"{message} (see --help)", Exit.USAGE)


def _closed_pipe() -> int:
    """Whoever read us has had enough, as `head` does; nothing may be flushed at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.OK


def _tell(text: str, code: int) -> int:
    print(f"lethe: {' '.join(text.split())}", file=sys.stderr)
    return code
