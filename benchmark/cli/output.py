"""Plain text on a terminal of any encoding; nothing in it is read as markup."""

import io
import sys

from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)


def any_encoding() -> None:
    """Print what the terminal's encoding lacks as replacement characters, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without lines. ``right``: headings of right-aligned columns."""
    empty = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        empty.add_column(heading, justify="right" if heading in right else "left", no_wrap=True)
    return empty
