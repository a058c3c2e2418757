"""What it costs to leave the engine's fast path, as a ratio of two ways that take turns.

Masks of parameters, and steps that only some clients take, multiply rows out in every step; without
them the gradients of a wide first layer stay thin products (see benchmark/engine/deferred.py).
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from benchmark.engine.methods import load_method
from benchmark.engine.replicas import all_groups
from benchmark.spec import Dnn, Mlr
from tests.speed.work_units import D, E, Unit

CLIENTS, SAMPLES = 20, 10_500
SHARES = 0.8 ** torch.arange(CLIENTS, dtype=torch.float64)
UNEQUAL = tuple(int(SAMPLES * share) for share in SHARES / SHARES.sum())
"""Sizes that fall geometrically: the largest is four times their mean."""
EQUAL = (SAMPLES // CLIENTS,) * CLIENTS
MODELS = (("MNIST/MLR", Mlr(name="mlr")), ("MNIST/DNN", Dnn(name="dnn", hidden=100)))
Timed = dict[str, Any]
Clock = Callable[[Callable[[], None]], float]
"""Seconds that a call takes."""


def compared(turns: int, seconds_of: Clock) -> list[Timed]:
    """Seconds of a round on the fast path and off it, and their ratio, by model and reason."""
    found, longest = [], -(-max(UNEQUAL) // D)
    for name, model in MODELS:
        equal, unequal = (
            Unit(name, "fedavg", model, (784,), sizes, sizes, False) for sizes in (EQUAL, UNEQUAL)
        )
        ways = {
            "mask": (rounds(equal, "fedavg", E=E), rounds(equal, "fedbabu", E=E)),
            "epochs": (
                rounds(unequal, "fedavg", E=longest),
                rounds(unequal, "fedavg", "epochs", E=1),
            ),
            "epochs, K = 3": (
                rounds(unequal, "pfml", E=longest),
                rounds(unequal, "pfml", "epochs", E=1),
            ),
        }
        found += [_ratio(name, reason, *pair, turns, seconds_of) for reason, pair in ways.items()]
    return found


def useful(sizes: tuple[int, ...] = UNEQUAL, batch: int = D) -> float:
    """The share of steps in an epoch that are a client's own: others wait for the longest."""
    steps = [-(-size // batch) for size in sizes]
    return sum(steps) / (len(steps) * max(steps))


def rounds(
    unit: Unit, algorithm: str, local_work: str = "steps", **hyper: Any
) -> Callable[[], None]:
    """A function that trains the next round of a method; all clients train."""
    made = unit.federation()
    sampling = replace(made.sampling, participation="all", local_work=local_work)
    of, method = replace(made, sampling=sampling), load_method(algorithm)
    groups = all_groups(method, method.resolve(hyper), of, of.network.row()[None])
    numbers = iter(range(10**9))

    def train() -> None:
        number = next(numbers)
        for group in groups:
            group.train(number)

    return train


def _ratio(
    unit: str,
    reason: str,
    on: Callable[[], None],
    off: Callable[[], None],
    turns: int,
    seconds_of: Clock,
) -> Timed:
    times: dict[str, list[float]] = {"on": [], "off": []}
    on()  # all is laid out by then
    off()
    for _ in range(turns):
        times["on"].append(seconds_of(on))
        times["off"].append(seconds_of(off))
    fast, slow = (statistics.median(each) for each in times.values())
    return {"unit": unit, "reason": reason, "on": fast, "off": slow, "ratio": slow / fast}
