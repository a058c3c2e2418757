"""The one exception a user is meant to see."""

from datasets.arrays import OneLineError


class BenchmarkError(OneLineError):
    """Bad input, said in one line that names the file, the field and the allowed values.

    The command line prints it and exits with code 2; a traceback means a bug.
    """
