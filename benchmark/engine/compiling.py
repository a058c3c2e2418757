"""Functions compiled by numba and kept on disk, where there is a place for them."""

from collections.abc import Callable
from typing import Any

from numba import njit


def kept(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles with these options, and keeps the result for later processes.

    numba writes beside the file, else under the user's home. Where neither can be written to,
    every process compiles anew.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate
