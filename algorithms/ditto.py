"""Ditto: FedAvg, and beside it a personal model that is pulled to the global one.

Li, Hu, Beirami, Smith, *Ditto: Fair and Robust Federated Learning Through Personalization*,
ICML 2021 (arXiv 2012.04221), Algorithm 1. One round at a client, from w_i ← w_t, E times each:

    w_i ← w_i − η ∇f_i(w_i)
    v_i ← v_i − η (∇f_i(v_i) + λ (v_i − w_t))

w_{t+1} is the mean of w_i over the clients that send; v_i stays with the client and is its model.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.algorithm import (
    Batch,
    Cohort,
    Globals,
    NonNegative,
    Positive,
    Rows,
    Steps,
    Table,
    proximal_step,
)

NAME = "Ditto"
RANGES = {"eta": (1e-3, 1.0), "lam": (1e-2, 10.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of Ditto."""

    eta: Positive = 0.01
    """η, the step size of both models (its authors: 0.05 on Fashion-MNIST)."""
    E: Steps = 10
    """Local steps per round of either model, each on one mini-batch."""
    lam: NonNegative = 1.0
    """λ, the pull of v_i to the global model w_t; its authors' scripts have 1, and choose among
    0.1, 1 and 2. 0: v_i is trained alone."""
    order: Literal["together", "after"] = "together"
    """``together``: both models step on the same mini-batches, as in its authors' code. ``after``:
    v_i steps after w_i, on further mini-batches; its centre is w_t all the same."""


class State(NamedTuple):
    """The global model, and the tensors that each client keeps."""

    w: Globals
    v: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    return State(w, everyone.spread(w))


def pulled(v: Rows, start: Rows, batch: Batch, cohort: Cohort, hyper: Hyper) -> Rows:
    """v_i after one step."""
    return batch.step(v, proximal_step(v, cohort.grad(v, batch), hyper.eta, hyper.lam, start))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    start = w = cohort.spread(state.w)
    v = cohort.read(state.v)
    first, then = cohort.phases(hyper.E, hyper.E if hyper.order == "after" else 0)
    for batch in first:
        w = batch.step(w, w - hyper.eta * cohort.grad(w, batch))
        if hyper.order == "together":
            v = pulled(v, start, batch, cohort, hyper)
    for batch in then:
        v = pulled(v, start, batch, cohort, hyper)
    return State(cohort.mean(w), cohort.write(state.v, v))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """v_i, as each client's last round left it."""
    return state.v
