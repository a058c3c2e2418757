"""Rounds on a GPU: recorded and replayed, launched kernel by kernel, and with TF32."""

import statistics
from typing import Any

from benchmark.engine.cuda_graphs import WARM_UP
from benchmark.jobs.environment import prepare_process
from tests.speed.measure import machine, seconds_of, sgemm_rate
from tests.speed.work_units import Engine, Unit, units

SEEDS = (1, 5)
WAYS = {"recorded": (True, "float32"), "launched": (False, "float32"), "tf32": (True, "tf32")}
ROUNDS = 5
"""Rounds per turn, whose mean counts."""


def measured(turns: int) -> dict[str, Any]:
    """The machine, and all work units by every way, with one seed and with five stacked."""
    return {
        "machine": machine("cuda"),
        "rounds": [rounds(unit, n, turns) for unit in units() for n in SEEDS],
    }


def rounds(unit: Unit, seeds: int, turns: int) -> dict[str, Any]:
    """Seconds of a round of so many seeds by each way, without evaluation and of it: medians."""
    times: dict[str, list[float]] = {}
    engines = {}
    for way, (recorded, precision) in WAYS.items():
        prepare_process(1, precision)  # what is recorded keeps the precision of its recording
        engines[way] = Engine(unit, tuple(range(seeds)), "cuda", recorded)
        for _ in range(WARM_UP + 3):
            engines[way].train()
        engines[way].evaluate()
    prepare_process(1)
    for _ in range(turns):
        times.setdefault("rate", []).append(sgemm_rate(8192, "cuda"))
        for way, engine in engines.items():
            times.setdefault(way, []).append(seconds_of(engine.train, ROUNDS))
        evaluate = engines["launched"].evaluate
        times.setdefault("evaluate", []).append(seconds_of(evaluate, ROUNDS))
    found = {name: statistics.median(values) for name, values in times.items()}
    floor = seeds * unit.flops(evaluated=False) / found["rate"]
    row = {"unit": unit.name, "algorithm": unit.algorithm, "seeds": seeds, "turns": turns}
    return {**row, **found, "floor": floor}
