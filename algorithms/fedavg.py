"""FedAvg: the mean of the clients' models after E local steps.

McMahan, Moore, Ramage, Hampson, Agüera y Arcas, *Communication-Efficient Learning of Deep
Networks from Decentralized Data*, AISTATS 2017, Algorithm 1.

    w_i ← w_t, then E times  w_i ← w_i − η ∇f_i(w_i)
    w_{t+1} = mean of w_i over the clients that send
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.algorithm import (
    Cohort,
    Globals,
    Momentum,
    NonNegative,
    Positive,
    Steps,
    Table,
    Whole,
    heavy_ball,
)

NAME = "FedAvg"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedAvg."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    finetune_steps: Whole = 0
    """Steps of size η on training batches before a personal score; 0: none is reported."""
    finetune: Literal["all", "head"] = "all"
    """Parameters that those steps train: the whole model, or its last layer alone."""
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
    """One round of Algorithm 1."""
    rows, v = cohort.spread(state.w), None
    for batch in cohort.batches(hyper.E):
        v = heavy_ball(v, cohort.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * v)
    return State(cohort.mean(rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table | None:
    """The global model, fine-tuned by each client if asked."""
    if hyper.finetune_steps == 0:
        return None
    rows, v = everyone.spread(state.w), None
    for batch in everyone.batches(hyper.finetune_steps):
        v = heavy_ball(v, everyone.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        step = v if hyper.finetune == "all" else everyone.head() * v
        rows = batch.step(rows, rows - hyper.eta * step)
    return rows
