"""FedAMP: every client is drawn to a model of its own, mixed from those that resemble it.

Huang, Chu, Zhou, Wang, Liu, Pei, Zhang, *Personalized Cross-Silo Federated Learning on Non-IID
Data*, AAAI 2021 (arXiv 2007.03797), Algorithm 1. One round, sums being over clients that send:

    u_i = w_i + Σ_j ξ_ij (w_j − w_i);  clients that do not send have u_i = w_i
    FedAMP: ξ_ij = α e^{−‖w_i − w_j‖²/σ} / σ; HeurFedAMP: ∝ e^{σ cos(w_i, w_j)}, Σ_j ξ_ij = 1 − ξ
    w_i ≈ argmin f_i(w) + λ/(2α) ‖w − u_i‖², by E steps of size η from u_i
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from benchmark.algorithm import Cohort, NonNegative, Positive, Share, Steps, distance, proximal_step

NAME = "FedAMP"
RANGES = {"eta": (1e-3, 1.0), "lam": (0.1, 10.0), "sigma": (1e5, 1e7)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedAMP and, with ``attention = "cosine"``, of HeurFedAMP."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    lam: NonNegative = 1.0
    """λ; λ/α is the pull of w_i to u_i. 0: none."""
    alpha: Positive = 1e4
    """α, the step size of the mixing (the paper shrinks it); FedAMP needs (N − 1) α ≤ σ."""
    sigma: Positive = 1e6
    """σ, in FedAMP the squared distance beyond which models hardly attract each other, ∞: u_i is
    w_i; in HeurFedAMP how much similar models are preferred (FLGo: 25), 0: all alike."""
    start: Literal["cloud", "own"] = "cloud"
    """Start of the E steps: u_i or w_i (the paper only asks for the minimiser)."""
    attention: Literal["distance", "cosine"] = "distance"
    """The rule for ξ_ij: FedAMP's or HeurFedAMP's."""
    xi: Share = 0.1
    """ξ, a client's own weight in HeurFedAMP. 1: u_i is w_i."""


class State(NamedTuple):
    """Each client's model; there is no global one."""

    own: torch.Tensor


def init(w: torch.Tensor, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model."""
    return State(everyone.spread(w))


def attention(own: torch.Tensor, cohort: Cohort, hyper: Hyper) -> torch.Tensor:
    """(R, n, n) ξ_ij; those of clients that do not send have no effect."""
    if hyper.attention == "cosine":
        cos = cohort.products(own / own.norm(dim=1, keepdim=True))
        others = cohort.sends.view(len(cos), 1, -1) * (1 - torch.eye(cos.shape[-1]).to(cos))
        return (1 - hyper.xi) * (others.log() + hyper.sigma * cos).softmax(2).nan_to_num()
    apart = distance(cohort.products(own - cohort.spread(cohort.uniform(own))))
    if (most := apart.shape[-1] - 1) * hyper.alpha > hyper.sigma:
        raise ValueError(f"alpha: allowed: up to sigma / {most}")
    return hyper.alpha / hyper.sigma * torch.exp(-apart / hyper.sigma)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    own = cohort.read(state.own)
    u, pull = cohort.mix(attention(own, cohort, hyper), own), hyper.lam / hyper.alpha
    rows = u if hyper.start == "cloud" else own
    for batch in cohort.batches(hyper.E):
        rows = batch.step(rows, proximal_step(rows, cohort.grad(rows, batch), hyper.eta, pull, u))
    return State(cohort.write(state.own, rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> torch.Tensor:
    """w_i, as each client's last round left it."""
    return state.own
