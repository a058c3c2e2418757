"""SCAFFOLD: local steps corrected by how the client's gradient differs from all clients'.

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh, *SCAFFOLD: Stochastic Controlled Averaging for
Federated Learning*, ICML 2020 (arXiv 1910.06378), Algorithm 1:

    y_i ← w_t, then E times  y_i ← y_i − η (∇f_i(y_i) − c_i + c)
    c_i⁺ = c_i − c + (w_t − y_i) / (E η)  (option II),  or the mean of ∇f_i(w_t)  (option I)
    w_{t+1} = w_t + η_g · mean of (y_i − w_t),  c ← c + |S|/N · mean of (c_i⁺ − c_i),  c_i ← c_i⁺

Both means are over the clients that send, with equal weights whatever the protocol says. A client
that trains but does not send keeps c_i, so that c is always the mean of all c_i.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from benchmark.algorithm import Cohort, Globals, Positive, Steps, Table

NAME = "SCAFFOLD"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of SCAFFOLD."""

    eta: Positive = 0.01
    """η, the local step size (the paper's η_l)."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch (the paper's K)."""
    eta_g: Positive = 1.0
    """η_g, the server's step size (the paper's 1). 1: the mean itself."""
    option: Literal["I", "II"] = "II"
    """How c_i is renewed. ``II``: from the steps taken, as in the paper's experiments. ``I``: from
    gradients at w_t, on the mini-batches of the E steps. With E = 1 both are the same."""


class State(NamedTuple):
    """The global model and its control variate, and each client's."""

    w: Globals
    c: Globals
    c_i: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All control variates start at 0: the first round is FedAvg's."""
    return State(w, torch.zeros_like(w), torch.zeros_like(everyone.spread(w)))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    start = y = cohort.spread(state.w)
    c, c_i = cohort.spread(state.c), cohort.read(state.c_i)
    correction, taken, slopes = c - c_i, torch.zeros_like(y[:, :1]), torch.zeros_like(y)
    for batch in cohort.batches(hyper.E):
        if hyper.option == "I":
            slopes = batch.step(slopes, slopes + cohort.grad(start, batch))
        y = batch.step(y, y - hyper.eta * (cohort.grad(y, batch) + correction))
        taken = batch.step(taken, taken + 1)
    by_steps, at_start = (start - y) / (taken * hyper.eta) - c, slopes / taken - c_i
    change = by_steps if hyper.option == "II" else at_start  # of c_i
    return State(
        state.w + hyper.eta_g * cohort.uniform(y - start),
        state.c + cohort.fraction * cohort.uniform(change),
        cohort.write(state.c_i, c_i + cohort.sends * change),
    )


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> None:
    """None: SCAFFOLD personalises nothing."""
