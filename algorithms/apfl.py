"""APFL: each client's model is a mixture of its own and the global one.

Deng, Kamani, Mahdavi, *Adaptive Personalized Federated Learning*, arXiv 2003.13461, 2020,
Algorithm 1. One round at a client, from w_i ← w_t, for each of E mini-batches, every gradient at
the values before the step:

    v̄_i = α_i v_i + (1 − α_i) w_i
    w_i ← w_i − η ∇f_i(w_i)
    v_i ← v_i − η α_i ∇f_i(v̄_i)
    α_i ← clip(α_i − η ⟨v_i − w_i, ∇f_i(v̄_i)⟩, 0, 1)     at the first step of a round, if adaptive

w_{t+1} is the mean of w_i over the clients that send; v_i and α_i stay with the client. Its model
is v̄_i with the current global model.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchmark.algorithm import Cohort, Globals, Positive, Share, Steps, Table

NAME = "APFL"
RANGES = {"eta": (1e-3, 1.0), "alpha": (0.25, 0.5, 0.75)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of APFL."""

    eta: Positive = 0.01
    """η, the step size of w_i, v_i and α_i."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch (the paper's τ)."""
    alpha: Share = 0.5
    """α, the weight of the client's own model, or its first value if it is learned; the paper tries
    0.25, 0.5 and 0.75. 1: v_i is trained alone; 0: every client has the global model."""
    adaptive: bool = False
    """True: α_i is learned; False: it keeps its first value."""


class State(NamedTuple):
    """The global model, and the tensors that each client keeps."""

    w: Globals
    v: Table
    alpha: Table  # (R·N, 1)


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    v = everyone.spread(w)
    return State(w, v, torch.full_like(v[:, :1], hyper.alpha))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    w, v, own = cohort.spread(state.w), cohort.read(state.v), cohort.read(state.alpha)
    alpha = own if hyper.adaptive else hyper.alpha
    for number, batch in enumerate(cohort.batches(hyper.E)):
        slope = cohort.grad(alpha * v + (1 - alpha) * w, batch)
        if hyper.adaptive and number == 0:
            own = (own - hyper.eta * ((v - w) * slope).sum(1, keepdim=True)).clamp(0, 1)
        w = batch.step(w, w - hyper.eta * cohort.grad(w, batch))
        v = batch.step(v, v - hyper.eta * (alpha * slope))
        alpha = own if hyper.adaptive else hyper.alpha
    return State(cohort.mean(w), cohort.write(state.v, v), cohort.write(state.alpha, own))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The mixture v̄_i of each client's own model and the global one."""
    return state.alpha * state.v + (1 - state.alpha) * everyone.spread(state.w)
