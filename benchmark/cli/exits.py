"""One-line errors and exit codes of commands."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import typer
from typer.core import TyperGroup

from benchmark.cli.output import any_encoding, finish
from benchmark.errors import Interrupted, JobsFailed
from datasets.errors import OneLineError


def one_line_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command: bad input ends in one line and code 2; an interrupt says how to resume."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (OneLineError, OSError) as error:
            _say(error)
            raise typer.Exit(2) from None
        except JobsFailed as failed:
            for line in failed.lines:
                print(f"failed: {line}", file=sys.stderr)
            print(f"{failed}", file=sys.stderr)
            raise typer.Exit(1) from None
        except (KeyboardInterrupt, Interrupted) as stop:
            saved = str(stop) or "finished runs and checkpoints are kept"
            print(f"interrupted: {saved}; the same command goes on", file=sys.stderr)
            raise typer.Exit(130) from None

    return wrapped


class Commands(TyperGroup):
    """A group of commands that also reports unparsable arguments in one line."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **more: Any) -> Any:
        """Parse the arguments, run the command, exit."""
        any_encoding()
        given = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(given, *rest, **more | {"standalone_mode": False})
        except Exception as error:
            # Versions of typer keep the parser's class of errors in different modules.
            if not hasattr(error, "format_message"):
                raise
            context = getattr(error, "ctx", None)
            if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
                print(context.get_help())
                sys.exit(0)
            path = context.command_path if context is not None else "python -m benchmark"
            _say(OneLineError(f"{' '.join(error.format_message().split())} (see {path} --help)"))
            sys.exit(2)
        finally:
            finish()
        sys.exit(code if isinstance(code, int) else 0)


def _say(error: Exception) -> None:
    text = error if isinstance(error, OneLineError) else OneLineError(str(error))
    print(f"error: {text}", file=sys.stderr)
