"""Exceptions whose text is written for users."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import OneLineError


class BenchmarkError(OneLineError):
    """Bad input; one line names the file, the field and the allowed values.

    The command line prints it and exits with code 2; a traceback means a bug.
    """


class Interrupted(Exception):  # noqa: N818  not an error
    """A run was asked to stop; the text says how far it came. Exit code 130."""


class JobsFailed(Exception):  # noqa: N818  the others are done
    """Some jobs failed; all others are done. Exit code 1."""

    def __init__(self, lines: Sequence[str], jobs: int) -> None:
        super().__init__(f"{len(lines)} of {jobs} jobs failed; the same command tries them again")
        self.lines = tuple(lines)
        """One line per failed job: its label and the reason."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """In the block, a full disk or another OSError becomes a BenchmarkError that names ``path``."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise BenchmarkError(f"{path}: cannot be written: {reason}") from None


def one_line(error: BaseException) -> str:
    """The text of an error in one printable line; its type if it has no text."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # raised by the error's own __str__
        text = ""
    return str(OneLineError(text or type(error).__name__))
