"""pFedMe: personalised models tied to local ones by Moreau envelopes.

Dinh, Tran, Nguyen, *Personalized Federated Learning with Moreau Envelopes*, NeurIPS 2020,
Algorithm 1. One round at a client, from w_i ← w_t, for each of E mini-batches:

    K times  θ ← θ − α (∇f(θ) + λ (θ − w_i) + μ θ)        ≈ argmin f(θ) + λ/2 ‖θ − w_i‖²
    w_i ← w_i − η λ (w_i − θ)

and at the server  w_{t+1} = (1 − β) w_t + β · mean of w_i over the clients that
send. The personalised model is θ_i.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.algorithm import Cohort, Globals, NonNegative, Positive, Steps, Table, proximal_step

NAME = "pFedMe"
STEP_SIZES = ("eta", "alpha")
RANGES = {"eta": (1e-3, 0.1), "alpha": (1e-3, 0.3), "lam": (1.0, 50.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of pFedMe."""

    eta: Positive = 0.01
    """η, the step size of the local models; with λ the share ηλ of the way to θ."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch (the paper's R)."""
    K: Steps = 3
    """Gradient steps that approximate θ on each mini-batch."""
    lam: NonNegative = 15.0
    """λ, the pull of θ to w_i. 0: plain SGD in θ, and w_i never moves."""
    beta: Positive = 1.0
    """β, the server's step. 1: the mean itself."""
    alpha: Positive = 0.01
    """α, the inner step size (the paper's "personalised learning rate")."""
    mu: NonNegative = 0.0
    """μ, weight decay of the inner steps."""
    inner_start: Literal["carry", "restart"] = "carry"
    """``carry``: θ continues from batch to batch. ``restart``: it restarts at w_i on each batch.
    (The paper does not say.)"""
    scored: Literal["theta", "local"] = "theta"
    """The model that PM scores. ``theta``: θ_i, as the paper defines it. ``local``: w_i, which
    public implementations score by aliasing; only for comparison with their numbers."""


class State(NamedTuple):
    """The global model, and what each client held at the end of its last round."""

    w: Globals
    theta: Table
    local: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    table = everyone.spread(w)
    return State(w, table, table)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    local = theta = cohort.spread(state.w)
    for batch in cohort.batches(hyper.E):
        if hyper.inner_start == "restart":
            theta = batch.step(theta, local)
        for _ in range(hyper.K):
            gradient = cohort.grad(theta, batch)
            inner = proximal_step(theta, gradient, hyper.alpha, hyper.lam, local, hyper.mu)
            theta = batch.step(theta, inner)
        local = batch.step(local, local - hyper.eta * hyper.lam * (local - theta))
    w = (1 - hyper.beta) * state.w + hyper.beta * cohort.mean(local)
    return State(w, cohort.write(state.theta, theta), cohort.write(state.local, local))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """θ_i of each client's last round (w_i if so asked)."""
    return state.theta if hyper.scored == "theta" else state.local
