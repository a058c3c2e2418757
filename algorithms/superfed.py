"""SuPerFed: a federated and a local model, trained so that all mixtures of the two are good.

Hahn, Jeong, Lee, *Connecting Low-Loss Subspace for Personalized Federated Learning*, KDD 2022
(arXiv 2109.07628), with one λ for the whole model. From w_i ← w_t, per mini-batch, λ ~ U[0, 1):

    g = ∇f_i((1 − λ) w_i + λ v_i)
    w_i ← w_i − η ((1 − λ) g + μ (w_i − w_t) + ν ∇_w cos²(w_i, v_i))
    v_i ← v_i − η (λ g + ν ∇_v cos²(w_i, v_i))

In the first rounds λ = ν = 0: no mixing. w_{t+1} is the mean of w_i over the clients that send; v_i
starts from another random model and stays with the client. The proximal term is squared here.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from benchmark.algorithm import Cohort, Globals, NonNegative, Positive, Share, Steps, Table, Whole

NAME = "SuPerFed"
RANGES = {"eta": (1e-3, 1.0), "mu": (1e-3, 1.0), "nu": (0.1, 10.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of SuPerFed. Its authors' commands have η 0.01, μ 0.01 and, for MNIST, ν 1."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    mu: NonNegative = 0.01
    """μ, the pull of w_i to the global model."""
    nu: NonNegative = 1.0
    """ν, the push of w_i and v_i to be orthogonal."""
    warm_up: Whole = 0
    """Number of rounds before any mixing (its authors: 0.6 of all rounds)."""
    mixture: Share = 0.5
    """λ of the personalised model. 0: the global model; 1: v_i."""


class State(NamedTuple):
    """The global model, the number of rounds so far, and each client's local model."""

    w: Globals
    rounds: Globals  # (R, 1)
    v: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """The global model starts from the initial one, all local models from another."""
    return State(w, 0 * w[:, :1], everyone.spread(everyone.start(1)))


def push(rows: Tensor, other: Tensor) -> Tensor:
    """∇ cos²(rows, other) at rows, row by row."""
    own, length = rows.norm(dim=1, keepdim=True), other.norm(dim=1, keepdim=True)
    cos = (rows * other).sum(1, keepdim=True) / (own * length)
    slope: Tensor = 2 * cos * (other / (own * length) - cos * rows / own.square())
    return slope


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round; before any mixing λ and ν are 0."""
    mixes = (cohort.spread(state.rounds) >= hyper.warm_up).to(state.w.dtype)
    start = w = cohort.spread(state.w)
    v, nu = cohort.read(state.v), hyper.nu * mixes
    for batch, draw in zip(cohort.batches(hyper.E), cohort.draws(hyper.E), strict=True):
        lam = mixes * draw
        g = cohort.grad((1 - lam) * w + lam * v, batch)
        at_w = (1 - lam) * g + hyper.mu * (w - start) + nu * push(w, v)
        at_v = lam * g + nu * push(v, w)
        w, v = batch.step(w, w - hyper.eta * at_w), batch.step(v, v - hyper.eta * at_v)
    return State(cohort.mean(w), state.rounds + 1, cohort.write(state.v, v))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The mixture of the global model and each client's own."""
    return (1 - hyper.mixture) * everyone.spread(state.w) + hyper.mixture * state.v
