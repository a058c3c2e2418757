"""LG-FedAvg: local bodies, which learn representations, under a shared head.

Liang, Liu, Ziyin, Allen, Auerbach, Brent, Salakhutdinov, Morency, *Think Locally, Act Globally:
Federated Learning with Local and Global Representations*, arXiv 2001.01523, 2020, Algorithm 1
without its optional losses on the representations:

    E times  (body_i, head_i) ← (body_i, head_i) − η ∇f_i(body_i, head_i)
    head ← mean of head_i over the clients that send; body_i stays with the client
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchmark.algorithm import (
    Cohort,
    Globals,
    Layers,
    Momentum,
    NonNegative,
    Positive,
    Steps,
    Table,
    heavy_ball,
)

NAME = "LG-FedAvg"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of LG-FedAvg."""

    eta: Positive = 0.01
    """η, the step size (its authors: 0.05 on MNIST, 0.1 on CIFAR-10)."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    layers: Layers = 1
    """Number of last layers that are shared. All: FedAvg; 0: every client trains alone."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 in each round (its authors: 0.5)."""
    decay: NonNegative = 0.0
    """Weight decay."""


class State(NamedTuple):
    """The shared head (its body is 0), and each client's body (its head is 0)."""

    shared: Globals
    own: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    head = everyone.head(hyper.layers)
    return State(head * w, ~head * everyone.spread(w))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    head = cohort.head(hyper.layers)
    rows, v = torch.where(head, cohort.spread(state.shared), cohort.read(state.own)), None
    for batch in cohort.batches(hyper.E):
        v = heavy_ball(v, cohort.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * v)
    return State(cohort.mean(head * rows), cohort.write(state.own, ~head * rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """Each client's own body under the shared head."""
    return state.own + everyone.spread(state.shared)
