"""The exceptions a user is meant to hear of."""

from collections.abc import Sequence

from datasets.errors import OneLineError


class BenchmarkError(OneLineError):
    """Bad input, said in one line that names the file, the field and the allowed values.

    The command line prints it and exits with code 2; a traceback means a bug.
    """


class Interrupted(Exception):  # noqa: N818  not an error
    """A run was asked to stop; the text says what became of it. Exit code 130."""


class JobsFailed(Exception):  # noqa: N818  the others are done
    """Some jobs left runs unmade, all others are done. Exit code 1."""

    def __init__(self, lines: Sequence[str], jobs: int) -> None:
        super().__init__(f"{len(lines)} of {jobs} jobs failed; the same command tries them again")
        self.lines = tuple(lines)
        """One per job that failed: which, and why."""


def one_line(error: BaseException) -> str:
    """What an error says, in one printable line, whatever its text does; else its type."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # of its own __str__
        text = ""
    return str(OneLineError(text or type(error).__name__))
