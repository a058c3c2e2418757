"""What a method must leave as it found it: settings of the process, and global generators.

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
"""Calls of each part of a method around which the global generators are compared: dear, and a
method that draws does so soon."""


class Exits(BaseException):
    """A method called ``os._exit``."""


class TraceError(BenchmarkError):
    """A method leaves something changed outside its own tensors."""


Value = TypeVar("Value")


class Watched:
    """Calls of one function of a method, each of which raises TraceError where it changes a
    setting of the process, which is put back, or draws from a global generator."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, call: Callable[..., Value], *args: Any) -> Value:
        """What ``call`` returns. The settings are compared at every call, the rest at first."""
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
    """What SETTERS set; in the time of a small product."""
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
    )


def _put_back(before: tuple[Any, ...], place: str) -> list[str]:
    """The names of the settings that differ; they are set again."""
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
    """The states of the generators that the whole process shares."""

    torch: bytes
    numpy: tuple[Any, ...]
    python: tuple[Any, ...]
    devices: tuple[bytes, ...]
    """Of GPUs."""

    @classmethod
    def now(cls) -> "Generators":
        """The states at this moment; some tenths of a millisecond."""
        kind, keys, *rest = np.random.get_state()
        devices: tuple[bytes, ...] = ()
        if torch.cuda.is_initialized():
            devices = tuple(_bytes(g.get_state()) for g in torch.cuda.default_generators)
        numpy = (kind, np.asarray(keys).tobytes(), *rest)
        return cls(_bytes(torch.get_rng_state()), numpy, random.getstate(), devices)

    def require_unused(self) -> None:
        """Raise TraceError where any has been drawn from since; those of the CPU are put back."""
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
