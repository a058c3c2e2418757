"""Refuse methods that change settings of the process or draw from global generators.

Runs of other methods follow in the same process, and a resumed run must draw what the first one
drew; so a method that reaches beyond its own tensors is refused, and its traces are removed.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np
import torch

from benchmark.errors import BenchmarkError

DRAWS_LOOKED_AT = 4
"""Number of first calls of each function of a method around which the global generators are
compared. The comparison is slow, and a method that draws does so soon."""


class Exits(BaseException):
    """A method called ``os._exit``."""


class TraceError(BenchmarkError):
    """A method has changed something outside its own tensors."""


Value = TypeVar("Value")


class Watched:
    """A wrapper of one function of a method. A call raises TraceError if it changes a setting of
    the process, which is then restored, or draws from a global generator."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, call: Callable[..., Value], *args: Any) -> Value:
        """Return what ``call`` returns; compare settings at each call, generators at the first."""
        self._calls += 1
        dear = self._calls <= DRAWS_LOOKED_AT
        before = _settings()
        generators, place = (Generators.now(), os.getcwd()) if dear else (None, "")
        leave, os._exit = os._exit, _refuse_exit
        try:
            result = call(*args)
        finally:
            os._exit = leave
            changed = _put_back(before, place)
        if changed:
            raise TraceError(f"leaves {', '.join(changed)} changed; put back what you set")
        if generators is not None:
            generators.require_unused()
        return result


def _refuse_exit(status: int) -> NoReturn:
    raise Exits(f"os._exit({status})")


SETTERS: dict[str, Callable[[Any], object]] = {
    "torch's default dtype": torch.set_default_dtype,
    "torch's grad mode": torch.set_grad_enabled,
    "torch's number of threads": torch.set_num_threads,
    "torch's deterministic mode": torch.use_deterministic_algorithms,
}


def _settings() -> tuple[Any, ...]:
    """The current values of what SETTERS set; as fast as a small product."""
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
    )


def _put_back(before: tuple[Any, ...], place: str) -> list[str]:
    """Restore the settings that differ; return their names."""
    changed, now = [], _settings()
    if now != before:
        for (name, put), old, new in zip(SETTERS.items(), before, now, strict=True):
            if old != new:
                put(old)
                changed.append(name)
    if place and os.getcwd() != place:
        os.chdir(place)
        changed.append("the working directory")
    return changed


@dataclass(frozen=True)
class Generators:
    """The states of the global generators of the process."""

    torch: bytes
    numpy: tuple[Any, ...]
    python: tuple[Any, ...]
    devices: tuple[bytes, ...]
    """The state of each GPU's generator."""

    @classmethod
    def now(cls) -> "Generators":
        """The current states; takes some tenths of a millisecond."""
        kind, keys, *rest = np.random.get_state()
        devices: tuple[bytes, ...] = ()
        if torch.cuda.is_initialized():
            devices = tuple(_bytes(g.get_state()) for g in torch.cuda.default_generators)
        numpy = (kind, np.asarray(keys).tobytes(), *rest)
        return cls(_bytes(torch.get_rng_state()), numpy, random.getstate(), devices)

    def require_unused(self) -> None:
        """Raise TraceError if any has been drawn from since; the CPU's generators are restored."""
        if self == Generators.now():
            return
        torch.set_rng_state(torch.frombuffer(bytearray(self.torch), dtype=torch.uint8))
        kind, keys, *rest = self.numpy
        np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))
        random.setstate(self.python)
        raise TraceError(
            "draws from a global generator, so that a resumed run would differ; allowed: "
            "generators of its own, made from what it is given"
        )


def _bytes(state: torch.Tensor) -> bytes:
    return state.numpy().tobytes()
