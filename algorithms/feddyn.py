"""FedDyn: local losses are tilted so that their minimisers agree where the global one is.

Acar, Zhao, Matas Navarro, Mattina, Whatmough, Saligrama, *Federated Learning Based on Dynamic
Regularization*, ICLR 2021 (arXiv 2111.04263), Algorithm 1, its local problem solved by E steps:

    θ_i ← w_t, then E times  θ_i ← θ_i − η (∇f_i(θ_i) − g_i + α (θ_i − w_t))
    g_i ← g_i − α (θ_i − w_t),  h ← h − α/N Σ (θ_i − w_t),  w_{t+1} = mean of θ_i − h/α

Sum and mean are over the clients that send, with equal weights whatever the protocol says. A client
that trains but does not send keeps g_i, so that h is always the mean of all g_i.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchmark.algorithm import Cohort, Globals, Positive, Steps, Table

NAME = "FedDyn"
RANGES = {"eta": (1e-3, 1.0), "alpha": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedDyn. Its authors, on CIFAR-10: η 0.1, α 0.01, 5 epochs."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    alpha: Positive = 0.01
    """α, the pull to the global model and, inversely, the step of the server's correction."""


class State(NamedTuple):
    """The global model and the mean dual h, and each client's dual g_i."""

    w: Globals
    h: Globals
    g: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All duals start at 0."""
    return State(w, torch.zeros_like(w), torch.zeros_like(everyone.spread(w)))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    start = theta = cohort.spread(state.w)
    g = cohort.read(state.g)
    for batch in cohort.batches(hyper.E):
        slope = cohort.grad(theta, batch) - g + hyper.alpha * (theta - start)
        theta = batch.step(theta, theta - hyper.eta * slope)
    change = -hyper.alpha * (theta - start)  # the change of g_i
    h = state.h + cohort.fraction * cohort.uniform(change)
    w = cohort.uniform(theta) - h / hyper.alpha
    return State(w, h, cohort.write(state.g, g + cohort.sends * change))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> None:
    """None: FedDyn personalises nothing."""
