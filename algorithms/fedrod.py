"""FedRoD: one body, a generic head that is averaged, and a personal head on top of it.

Chen, Chao, *On Bridging Generic and Personalized Federated Learning for Image Classification*,
ICLR 2022 (arXiv 2107.00778). Features z(x; θ), generic head ψ, personal head φ_i; one local step:

    generic   logits g = ψ(z):  (θ, ψ) ← (θ, ψ) − η ∇ [−log n_y^γ e^{g_y} / Σ_c n_c^γ e^{g_c}]
    personal  logits ψ(z) + φ_i(z):  φ_i ← φ_i − η ∇_φ f_i,  θ and ψ being constants

n_c counts the client's samples of class c. (θ, ψ) is averaged over clients that send; φ_i stays.
As heads are linear, the personal predictor is the global model with φ_i added to its head.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from benchmark.algorithm import (
    Cohort,
    Globals,
    Loss,
    NonNegative,
    Positive,
    Steps,
    Table,
    cross_entropy,
)

NAME = "FedRoD"
RANGES = {"eta": (1e-3, 1.0), "gamma": (0.0, 0.5, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedRoD."""

    eta: Positive = 0.01
    """η, the step size of both predictors."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    gamma: NonNegative = 1.0
    """γ of the balanced softmax (the paper's). 0: the generic model is FedAvg's."""


class State(NamedTuple):
    """The global model (θ, ψ), and each client's φ_i, 0 outside the head."""

    w: Globals
    phi: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """φ_i starts at 0: all start from the initial model."""
    return State(w, 0 * everyone.spread(w))


def tilted_slope(probs: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """The gradient of cross-entropy at the softmax whose classes are weighted by ``weights``."""
    tilted = probs * weights
    return cross_entropy.slope(tilted / tilted.sum(-1, keepdim=True), y)


balanced = Loss(lambda z, y, n: cross_entropy.of_samples(z + n.log(), y), tilted_slope)
"""Balanced softmax; n (S, 1, C) are n_c^γ, 0 for a class without samples."""


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round: E steps of both predictors."""
    head, weights = cohort.head(), cohort.counts[:, None] ** hyper.gamma
    w, phi = cohort.spread(state.w), cohort.read(state.phi)
    for batch in cohort.batches(hyper.E):
        personal = cohort.grad(w + phi, batch)
        w = batch.step(w, w - hyper.eta * cohort.grad(w, batch, balanced, weights))
        phi = batch.step(phi, phi - hyper.eta * (head * personal))
    return State(cohort.mean(w), cohort.write(state.phi, phi))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The global model with each client's φ_i added to its head."""
    return everyone.spread(state.w) + state.phi
