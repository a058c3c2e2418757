"""Compile functions by numba, and cache them on disk if possible."""

from collections.abc import Callable
from typing import Any

from numba import njit


def kept(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles with these options, and caches the result for later processes.

    numba writes beside the file, or else under the user's home. If it can write to neither, every
    process compiles again.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate
