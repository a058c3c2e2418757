"""FedBABU: only the body is trained and averaged; the head stays as it was drawn.

Oh, Kim, Yun, *FedBABU: Toward Enhanced Representation for Federated Image Classification*,
ICLR 2022 (arXiv 2106.06042), Algorithm 1:

    E times  body_i ← body_i − η ∇_body f_i(body_i, head)
    body ← mean of body_i over the clients that send; head never changes
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

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

NAME = "FedBABU"
RANGES = {"eta": (1e-3, 1.0), "finetune_steps": (5, 10, 20)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedBABU. Its authors' scripts: η 0.1, cut tenfold twice, momentum 0.9."""

    eta: Positive = 0.01
    """η, the step size, of fine-tuning too."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    layers: Layers = 1
    """Number of last layers in the head. All: the global model never changes; 0: FedAvg."""
    finetune_steps: Whole = 5
    """Steps on training batches before a personal score; the paper takes 5 epochs."""
    finetune: Literal["all", "head", "body"] = "all"
    """Parameters that are fine-tuned; the paper finds the whole model best."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 in each round (its authors: 0.9)."""
    decay: NonNegative = 0.0
    """Weight decay of the trained parameters."""


class State(NamedTuple):
    """State of the server: the global model."""

    w: Globals


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Start from the initial model."""
    return State(w)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    body = ~cohort.head(hyper.layers)
    rows, v = cohort.spread(state.w), None
    for batch in cohort.batches(hyper.E):
        v = heavy_ball(v, cohort.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * (body * v))
    return State(body * cohort.mean(rows) + ~body * state.w)


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The global model, fine-tuned by each client."""
    head = everyone.head(hyper.layers)
    part = {"all": head | ~head, "head": head, "body": ~head}[hyper.finetune]
    rows, v = everyone.spread(state.w), None
    for batch in everyone.batches(hyper.finetune_steps):
        v = heavy_ball(v, everyone.grad(rows, batch), rows, hyper.momentum, hyper.decay)
        rows = batch.step(rows, rows - hyper.eta * (part * v))
    return rows
