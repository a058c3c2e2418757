"""FedALA: on receipt, a client mixes the global head into its own, element by element.

Zhang, Hua, Wang, Song, Xue, Ma, Guan, *FedALA: Adaptive Local Aggregation for Personalized
Federated Learning*, AAAI 2023 (arXiv 2212.01197), Algorithm 1. θ_i being the client's model of its
last round, W_i its weights in [0, 1], 1 at the start, a client that receives w_t

    sets      θ̂ = θ_i + (w_t − θ_i) ⊙ W_i  in the last layers,  θ̂ = w_t  in the others
    A times   W_i ← clip(W_i − η_w ∇f_i(θ̂) ⊙ (w_t − θ_i), 0, 1)
    E times   θ_i ← θ_i − η ∇f_i(θ_i)  from the last θ̂

and w_{t+1} is the mean of θ_i over those who send. Its authors learn W_i until the loss settles the
first time and in one pass later; here A is a number of steps in every round.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchmark.algorithm import Cohort, Globals, Layers, NonNegative, Positive, Rows, Steps, Table

NAME = "FedALA"
RANGES = {"eta": (1e-3, 1.0), "eta_w": (0.1, 10.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedALA."""

    eta: Positive = 0.01
    """η, the step size of the models (its authors: 0.005)."""
    E: Steps = 10
    """Local steps a round, each on one mini-batch."""
    eta_w: NonNegative = 1.0
    """η_w, the step size of the weights (its authors' 1). 0: FedAvg."""
    A: Steps = 5
    """Steps of the weights at each receipt of a global model, on training batches."""
    layers: Layers = 1
    """p, how many of the last layers are mixed (its authors' 1). 0: FedAvg."""


class State(NamedTuple):
    """The global model, and what each client keeps."""

    w: Globals
    own: Table
    weight: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    own = everyone.spread(w)
    return State(w, own, torch.ones_like(own))


def mixed(state: State, cohort: Cohort, hyper: Hyper) -> tuple[Rows, Rows]:
    """θ̂ and W_i after A steps of the weights."""
    received, own, weight = (
        cohort.spread(state.w),
        cohort.read(state.own),
        cohort.read(state.weight),
    )
    way = cohort.head(hyper.layers) * (received - own)
    for batch in cohort.batches(hyper.A):
        slope = cohort.grad(received - (1 - weight) * way, batch)
        weight = batch.step(weight, (weight - hyper.eta_w * slope * way).clamp(0, 1))
    return received - (1 - weight) * way, weight


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    rows, weight = mixed(state, cohort, hyper)
    for batch in cohort.batches(hyper.E):
        rows = batch.step(rows, rows - hyper.eta * cohort.grad(rows, batch))
    own = cohort.write(state.own, rows)
    return State(cohort.mean(rows), own, cohort.write(state.weight, weight))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """θ̂: what each client would start its next round from."""
    return mixed(state, everyone, hyper)[0]
