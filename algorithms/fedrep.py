"""FedRep: each client's head is trained first, then the shared body once, under that head.

Collins, Hassani, Mokhtari, Shakkottai, *Exploiting Shared Representations for Personalized
Federated Learning*, ICML 2021 (arXiv 2102.07078), Algorithm 1. One round at a client, from the
body φ_i ← φ of the server and its own head h_i of its last round:

    H times  h_i ← h_i − η ∇_h f_i(h_i, φ_i)
    E times  φ_i ← φ_i − η ∇_φ f_i(h_i, φ_i)

φ is then the mean of φ_i over the clients that send.
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
    Whole,
    heavy_ball,
)

NAME = "FedRep"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedRep. Its authors' code has η 0.01 and, on CIFAR-10, 10 and 1 epochs."""

    eta: Positive = 0.01
    """η, the step size of head and body."""
    H: Whole = 10
    """Steps of the head per round (the paper's τ). 0: heads never change."""
    E: Steps = 1
    """Steps of the body per round, under the new head; Algorithm 1 has one."""
    layers: Layers = 1
    """Number of last layers in the head."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 when head or body start (its authors: 0.5)."""
    decay: NonNegative = 0.0
    """Weight decay of the trained parameters."""


class State(NamedTuple):
    """The shared body φ (its head is 0), and each client's head h_i (its body is 0)."""

    shared: Globals
    own: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    head = everyone.head(hyper.layers)
    return State(~head * w, head * everyone.spread(w))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    head = cohort.head(hyper.layers)
    rows = torch.where(head, cohort.read(state.own), cohort.spread(state.shared))
    for part, phase in zip((head, ~head), cohort.phases(hyper.H, hyper.E), strict=True):
        v = None
        for batch in phase:
            v = heavy_ball(v, cohort.grad(rows, batch), rows, hyper.momentum, hyper.decay)
            rows = batch.step(rows, rows - hyper.eta * (part * v))
    return State(cohort.mean(~head * rows), cohort.write(state.own, head * rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The shared body under each client's own head."""
    return state.own + everyone.spread(state.shared)
