"""Checks that compare a method with its plain loop and with its own parts."""

from collections.abc import Mapping
from typing import Any

import torch

from benchmark.engine.cohort import Federation
from benchmark.engine.methods import Method
from tests.algorithms.federations import (
    brief,
    close,
    federation,
    initial,
    plainly,
    trained,
)

SMALL = {
    "eta": 0.07,
    "alpha": 0.05,
    "beta": 0.6,
    "delta": 0.01,
    "lam": 2.0,
    "mu": 0.03,
    "mutual_weight": 0.7,
    "E": 2,
    "K": 2,
    "H": 2,
    "A": 2,
    "C": 2,
    "k": 2,
    "layers": 1,
    "finetune_steps": 2,
    "momentum": 0.4,
    "decay": 0.05,
    "gamma": 0.6,
    "eta_w": 0.5,
    "eta_g": 1.3,
    "sigma": 3.0,
    "xi": 0.2,
    "nu": 0.3,
    "warm_up": 1,
    "mixture": 0.3,
}
"""Numbers far from every limit, so that each has an effect."""


def numbers(method: Method) -> dict[str, Any]:
    return {name: value for name, value in SMALL.items() if name in method.settings({})}


def check_parity(
    method: Method, hyper: Mapping[str, Any], of: Federation | None = None, rounds: int = 3
) -> None:
    """All fields of the state, and the personal models, equal those of the plain loop."""
    of = of or federation()
    w, every = initial(of), {**numbers(method), **hyper}
    ours = trained(method, every, of, w, rounds)
    theirs = plainly(method, every, of, w, rounds)
    close(ours, {name: torch.cat([one[name] for one in theirs]) for name in theirs[0]})


def check_replicas(method: Method, batches: str, participation: str) -> None:
    """Two seeds in one program give the results of two programs."""
    seeds = (11, 5)
    hyper = brief(method)

    def run(*seeds: int) -> dict[str, torch.Tensor]:
        of = federation("dnn", seeds=seeds, participation=participation, batches=batches)
        return trained(method, hyper, of, initial(of))

    alone = [run(seed) for seed in seeds]
    close(run(*seeds), {name: torch.cat([one[name] for one in alone]) for name in alone[0]})
