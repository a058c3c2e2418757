"""FedProx: FedAvg whose local models are held near the global one.

Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, *Federated Optimization in Heterogeneous Networks*,
MLSys 2020 (arXiv 1812.06127), Algorithm 2, its local problem solved by E steps:

    w_i ← w_t, then E times  w_i ← w_i − η (∇f_i(w_i) + μ (w_i − w_t))
    w_{t+1} = mean of w_i over the clients that send
"""

from dataclasses import dataclass
from typing import NamedTuple

from benchmark.algorithm import (
    Cohort,
    Globals,
    Momentum,
    NonNegative,
    Positive,
    Steps,
    heavy_ball,
)

NAME = "FedProx"
RANGES = {"eta": (1e-3, 1.0), "mu": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedProx."""

    eta: Positive = 0.01
    """η, the step size (the paper's on Synthetic)."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    mu: NonNegative = 0.1
    """μ, the pull to the global model; its authors try 0.001 to 1. 0: FedAvg."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 in each round (NIID-Bench: 0.9)."""
    decay: NonNegative = 0.0
    """Weight decay."""


class State(NamedTuple):
    """State of the server: the global model."""

    w: Globals


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Start from the initial model."""
    return State(w)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 2."""
    start = rows = cohort.spread(state.w)
    v = None
    for batch in cohort.batches(hyper.E):
        slope = cohort.grad(rows, batch) + hyper.mu * (rows - start)
        v = heavy_ball(v, slope, rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * v)
    return State(cohort.mean(rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> None:
    """None: FedProx personalises nothing."""
