"""Print plain text on a terminal of any encoding; markup is not interpreted."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.table import Table


class Plain(Console):
    """A console that prints text as it is, and stops printing once its reader is gone."""

    def __init__(self, **more: Any) -> None:
        super().__init__(soft_wrap=True, markup=False, emoji=False, highlight=False, **more)

    def on_broken_pipe(self) -> None:
        """Stop printing; the command goes on."""
        self.quiet = True


console = Plain()


def any_encoding() -> None:
    """Print replacement characters for characters that the terminal cannot encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def finish() -> None:
    """Print buffered text; discard it if the reader is gone."""
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
