"""FML: a shared and a private model of each client learn from each other.

Shen, Zhang, Jia, Zhang, Huang, Zhou, Kuang, Wu, Wu, *Federated Mutual Learning*, arXiv
2006.16765, 2020. One round at a client, from w_i ← w_t (the paper's meme model), for each of E
mini-batches, both at once, the other's probabilities being constants:

    m_i ← m_i − η ∇[α f_i(m_i) + (1 − α) KL(p_w ‖ p_m)]
    w_i ← w_i − η ∇[β f_i(w_i) + (1 − β) KL(p_m ‖ p_w)]

w_{t+1} is the mean of w_i over the clients that send; m_i stays with the client and may have
another architecture.
"""

from dataclasses import dataclass
from typing import NamedTuple

from benchmark.algorithm import (
    Cohort,
    Globals,
    Positive,
    Share,
    Steps,
    Table,
    cross_entropy,
    kl_divergence,
)

NAME = "FML"
RANGES = {"eta": (1e-3, 1.0), "alpha": (0.25, 0.5, 0.75), "beta": (0.25, 0.5, 0.75)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FML. Its authors' code has η 0.01 and α = β = 0.5."""

    eta: Positive = 0.01
    """η, the step size of both models."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    alpha: Share = 0.5
    """α, the weight of the labels for m_i. 1: m_i is trained alone."""
    beta: Share = 0.5
    """β, the weight of the labels for w_i. 1: FedAvg."""


class State(NamedTuple):
    """The global model, and each client's private model."""

    w: Globals
    m: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model; private ones of another architecture at random."""
    return State(w, everyone.auxiliary(w))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of deep mutual learning."""
    loss_m = hyper.alpha * cross_entropy + (1 - hyper.alpha) * kl_divergence
    loss_w = hyper.beta * cross_entropy + (1 - hyper.beta) * kl_divergence
    w, m = cohort.spread(state.w), cohort.read(state.m)
    for batch in cohort.batches(hyper.E):
        at_w, at_m = cohort.forward(w, batch), cohort.forward(m, batch)
        w = batch.step(w, w - hyper.eta * at_w.grad(loss_w, at_m.probs))
        m = batch.step(m, m - hyper.eta * at_m.grad(loss_m, at_w.probs))
    return State(cohort.mean(w), cohort.write(state.m, m))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """m_i, as each client's last round left it."""
    return state.m
