"""FedAMP: every client is drawn to a model of its own, mixed from those that resemble it.

Huang, Chu, Zhou, Wang, Liu, Pei, Zhang, *Personalized Cross-Silo Federated Learning on Non-IID
Data*, AAAI 2021 (arXiv 2007.03797), Algorithm 1 with A(d) = 1 − e^{−d/σ}. One round:

    u_i = w_i + α Σ_j A′(‖w_i − w_j‖²) (w_j − w_i),  A′(d) = e^{−d/σ} / σ
    w_i ≈ argmin f_i(w) + λ/(2α) ‖w − u_i‖², by E steps of size η from u_i

The sum is over the clients that send; other clients have u_i = w_i. The paper's α shrinks over the
rounds; here it is constant.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from benchmark.algorithm import (
    Cohort,
    Globals,
    NonNegative,
    Positive,
    Rows,
    Steps,
    Table,
    proximal_step,
)

NAME = "FedAMP"
RANGES = {"eta": (1e-3, 1.0), "lam": (0.1, 10.0), "sigma": (1e5, 1e7)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedAMP."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    lam: NonNegative = 1.0
    """λ; λ/α is the pull of w_i to u_i. 0: none."""
    alpha: Positive = 1e4
    """α, the step size of the mixing. A smaller α mixes less and pulls harder. If (N − 1) α exceeds
    σ, a client's own weight could be negative; the method refuses that."""
    sigma: Positive = 1e6
    """σ, the squared distance beyond which models hardly attract each other. ∞: u_i is w_i."""
    start: Literal["cloud", "own"] = "cloud"
    """Start of the E steps: u_i or w_i (the paper only asks for the minimiser)."""


class State(NamedTuple):
    """Each client's model; there is no global one."""

    own: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    return State(everyone.spread(w))


def cloud(own: Rows, cohort: Cohort, hyper: Hyper) -> Rows:
    """u_i: each client's model, moved to those of the others that are near it."""
    # Distances do not change when all move, and products of short rows lose fewer digits.
    products = cohort.products(own - cohort.spread(cohort.uniform(own)))
    if (products.shape[-1] - 1) * hyper.alpha > hyper.sigma:
        raise ValueError(f"alpha: allowed: up to sigma / {products.shape[-1] - 1}")
    norms = products.diagonal(dim1=1, dim2=2)
    distances = (norms[:, :, None] + norms[:, None] - 2 * products).clamp_min(0)
    return cohort.mix(hyper.alpha / hyper.sigma * torch.exp(-distances / hyper.sigma), own)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    own = cohort.read(state.own)
    u = cloud(own, cohort, hyper)
    rows = u if hyper.start == "cloud" else own
    for batch in cohort.batches(hyper.E):
        slope = cohort.grad(rows, batch)
        pulled = proximal_step(rows, slope, hyper.eta, hyper.lam / hyper.alpha, u)
        rows = batch.step(rows, pulled)
    return State(cohort.write(state.own, rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """w_i, as each client's last round left it."""
    return state.own
