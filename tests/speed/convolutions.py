"""Convolutions by compiled kernels against torch's, in turns, beside the arithmetic's floor."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmark.engine.models import Network
from benchmark.model import Model
from benchmark.models.cnn import Cnn
from benchmark.spec import LeNet5
from tests.speed.work_units import Engine, Unit, forward_flops

WAYS = ("torch", "numba")
BATCH = 200
LENET, CNN = LeNet5(name="lenet5"), Cnn(name="cnn", padding="none")
MODELS: list[tuple[Model, tuple[int, ...]]] = [
    (LENET, (3, 32, 32)),
    (CNN, (1, 28, 28)),
    (CNN, (3, 32, 32)),
]

Call = Callable[[], object]


@contextmanager
def computed_by(way: str) -> Iterator[None]:
    """Networks that are built in the block compute convolutions this way."""
    before = os.environ.get("PFL_CONVOLUTIONS")
    os.environ["PFL_CONVOLUTIONS"] = way
    try:
        yield
    finally:
        if before is None:
            del os.environ["PFL_CONVOLUTIONS"]
        else:
            os.environ["PFL_CONVOLUTIONS"] = before


def compared(unit: Unit, turns: int, rate: Callable[[], float]) -> list[dict[str, Any]]:
    """Seconds by each way, and the floor's: gradients and logits of a batch, and a unit's round.

    Seconds are a processor's, so that what else runs on the machine counts less.
    rate: measures FLOP/s of a large product, by the same clock.
    """
    rows = []
    for model, shape in MODELS:
        forward, first = forward_flops(model, shape)
        named = f"{model.label}, {'×'.join(map(str, shape))}"
        passes = {way: _passes(model, shape, way) for way in WAYS}
        for number, (kind, flops) in enumerate(
            [("gradient", 3 * forward - first), ("logits", forward)]
        ):
            calls = {way: own[number] for way, own in passes.items()}
            row = {"unit": f"{named}: {kind} of {BATCH}", "turns": turns}
            rows.append(row | _timed(calls, BATCH * flops, turns, rate))
    engines = {}
    for way in WAYS:
        with computed_by(way):
            engines[way] = Engine(unit)
    training = unit.flops(evaluated=False)
    kinds = {"train": training, "evaluate": unit.flops(evaluated=True) - training}
    for kind, flops in kinds.items():
        calls = {way: getattr(engine, kind) for way, engine in engines.items()}
        row = {"unit": f"{unit.label}: {kind}", "turns": turns}
        rows.append(row | _timed(calls, flops, turns, rate))
    return rows


def _passes(model: Model, shape: tuple[int, ...], way: str) -> tuple[Call, Call]:
    """The gradient of one batch, and its logits alone."""
    with computed_by(way):
        network = Network(model.build(shape, 10))
    rows, slope = network.row()[None], torch.randn(1, BATCH, 10)
    x = [torch.randn(BATCH, *shape)]
    return lambda: network.linearise(rows, x)[1](slope), lambda: network.apply(rows, x)


def _timed(
    calls: dict[str, Call], flops: float, turns: int, rate: Callable[[], float]
) -> dict[str, float]:
    """Medians over turns in which the calls take their turns, a first call left out."""
    times: dict[str, list[float]] = {way: [] for way in calls}
    rates = []
    for call in calls.values():
        call()
    for _ in range(turns):
        rates.append(rate())
        for way, call in calls.items():
            start = time.process_time()
            call()
            times[way].append(time.process_time() - start)
    found = {way: statistics.median(values) for way, values in times.items()}
    return {**found, "floor": flops / statistics.median(rates)}
