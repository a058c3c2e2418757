"""The small federations of the contract, and their plain counterparts."""

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmark.contract.federations import (
    CLASSES,
    FAST,
    MODULES,
    PARTS,
    SHAPE,
    SIZES,
    B,
    Ints,
    N,
    brief,
    choices,
    close,
    federation,
    initial,
    module,
    numbers_of,
    samples,
    sends,
    trained,
    trains,
    weights,
)
from benchmark.engine.cohort import Federation
from benchmark.engine.methods import Method
from tests.algorithms.plain_loops import LOOPS
from tests.algorithms.plain_world import Client, Labelled, Outcome, Round, World

__all__ = [
    "CLASSES",
    "FAST",
    "MODULES",
    "PARTS",
    "SHAPE",
    "SIZES",
    "B",
    "Ints",
    "N",
    "brief",
    "choices",
    "close",
    "federation",
    "initial",
    "module",
    "numbers_of",
    "plainly",
    "samples",
    "sends",
    "trained",
    "trains",
    "weights",
    "world",
]


def plainly(
    method: Method, hyper: Mapping[str, Any], of: Federation, w: Tensor, rounds: int = 3
) -> list[Outcome]:
    """The expected result of :func:`trained`, for each replica, by the method's plain loop."""
    settings = asdict(method.resolve(hyper))
    return [LOOPS[method.name](world(of, r, rounds), row, settings) for r, row in enumerate(w)]


def world(of: Federation, replica: int, rounds: int) -> World:
    """One replica of a federation over PARTS, as the plain loops see it."""
    x, y = (torch.from_numpy(values) for values in samples())
    clients = []
    for part in PARTS:
        cuts = [part[k : k + B] for k in range(0, len(part), B)]
        clients.append(Client([(x[cut], y[cut]) for cut in cuts]))
    schedule = []
    for t in range(rounds):
        cohort = of.cohort(t)
        schedule.append(Round(trains(cohort, of, replica), sends(cohort, of, replica)))
    first = slice(replica * N, (replica + 1) * N)

    def drawn(t: int, units: int) -> list[list[Labelled]]:
        series: list[list[Labelled]] = [[] for _ in range(N)]
        for batch in of.everyone(t).batches(units):
            for i, own in enumerate(batch.mask[first] == 1):
                if batch.live is None or batch.live[first][i]:
                    series[i].append((batch.x[first][i, own], batch.y[first][i, own]))
            batch.stepped.append(True)
        return series

    return World(
        copy.deepcopy(of.network.module),
        clients,
        schedule,
        of.sampling.aggregation == "samples",
        CLASSES,
        of.sampling.local_work == "epochs",
        None if of.sampling.batches == "fixed_order" else drawn,
        lambda k: of.structure.start(of.seeds, k)[replica],
        lambda t, units: torch.cat([*of.everyone(t).draws(units)], dim=1).T[:, first],
    )
