"""FedPer: a shared body, and a head that every client keeps to itself.

Arivazhagan, Aggarwal, Singh, Choudhary, *Federated Learning with Personalization Layers*, arXiv
1912.00818, 2019, Algorithms 1 and 2. A client's model is the shared body with its own head:

    E times  (body_i, head_i) ← (body_i, head_i) − η ∇f_i(body_i, head_i)
    body ← mean of body_i over the clients that send; head_i stays with the client

The paper draws the heads at random for each client; here all start from the initial model's.
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

NAME = "FedPer"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedPer."""

    eta: Positive = 0.01
    """η, the step size (the paper's)."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    layers: Layers = 1
    """Number of last layers in the head. 0: FedAvg; all: every client trains alone."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 in each round."""
    decay: NonNegative = 0.0
    """Weight decay."""


class State(NamedTuple):
    """The shared body (its head is 0), and each client's head (its body is 0)."""

    shared: Globals
    own: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    head = everyone.head(hyper.layers)
    return State(~head * w, head * everyone.spread(w))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithms 1 and 2."""
    head = cohort.head(hyper.layers)
    rows, v = torch.where(head, cohort.read(state.own), cohort.spread(state.shared)), None
    for batch in cohort.batches(hyper.E):
        v = heavy_ball(v, cohort.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * v)
    return State(cohort.mean(~head * rows), cohort.write(state.own, head * rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The shared body under each client's own head."""
    return state.own + everyone.spread(state.shared)
