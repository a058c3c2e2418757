"""The exceptions a user is meant to hear of."""

from datasets.errors import OneLineError


class BenchmarkError(OneLineError):
    """Bad input, said in one line that names the file, the field and the allowed values.

    The command line prints it and exits with code 2; a traceback means a bug.
    """


class Interrupted(Exception):  # noqa: N818  not an error
    """A run was asked to stop; the text says what became of it. Exit code 130."""
