"""Plain text on a terminal of any encoding; nothing in it is read as markup."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.table import Table


class Plain(Console):
    """A console that prints text as it stands, and nothing more once its reader is gone."""

    def __init__(self, **more: Any) -> None:
        super().__init__(soft_wrap=True, markup=False, emoji=False, highlight=False, **more)

    def on_broken_pipe(self) -> None:
        """Say no more; what the command does besides goes on."""
        self.quiet = True


console = Plain()


def any_encoding() -> None:
    """Print what the terminal's encoding lacks as replacement characters, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def finish() -> None:
    """Print what is left; where the reader is gone, nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without lines. ``right``: headings of right-aligned columns."""
    empty = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        empty.add_column(heading, justify="right" if heading in right else "left", no_wrap=True)
    return empty
