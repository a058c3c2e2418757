"""IFCA: k models, and every client trains the one that fits its data best.

Ghosh, Chung, Yin, Ramchandran, *An Efficient Framework for Clustered Federated Learning*, NeurIPS
2020 (arXiv 2006.04088), Algorithm 1 with model averaging. One round, the k models starting apart:

    j(i) = argmin_j f_i(w_j),  w_i ← w_{j(i)}, then E times  w_i ← w_i − η ∇f_i(w_i)
    w_j ← mean of w_i over its members that send; unchanged if there are none

f_i is the loss on C batches of the client's training set; the paper takes the whole set.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.algorithm import Cohort, Globals, Positive, Steps, Table, cross_entropy

NAME = "IFCA"
RANGES = {"eta": (1e-3, 1.0), "k": (2, 3, 4)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of IFCA. The paper, on rotated MNIST: η 0.1, 10 full-batch steps, k 4."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch (the paper's τ)."""
    k: Steps = 4
    """Number of models; the first is the initial one. 1: FedAvg."""
    C: Steps = 10
    """Training batches on which a client compares the models."""


class State(NamedTuple):
    """The k models side by side; there is no single global one."""

    models: Globals  # (R, k·P)


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """The initial model and k − 1 further ones, drawn alike."""
    further = [everyone.start(j) for j in range(1, hyper.k)]
    return State(torch.cat([w, *further], dim=1))


def chosen(state: State, cohort: Cohort, hyper: Hyper) -> tuple[Tensor, Tensor]:
    """Each client's model, and its one-hot index (S, k) among the k models."""
    choices = [cohort.spread(model) for model in state.models.chunk(hyper.k, dim=1)]
    losses = torch.zeros_like(choices[0][:, : hyper.k])
    for batch in cohort.batches(hyper.C):
        found = [cross_entropy(cohort.forward(rows, batch).logits, batch) for rows in choices]
        losses = batch.step(losses, losses + torch.stack(found, dim=1))
    best = losses.argmin(1, keepdim=True)
    rows = choices[0]
    for j in range(1, hyper.k):
        rows = torch.where(best == j, choices[j], rows)
    return rows, (best == torch.arange(hyper.k, device=best.device)).to(rows.dtype)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    rows, member = chosen(state, cohort, hyper)
    for batch in cohort.batches(hyper.E):
        rows = batch.step(rows, rows - hyper.eta * cohort.grad(rows, batch))
    models = []
    for old, joined in zip(state.models.chunk(hyper.k, 1), member.split(1, 1), strict=True):
        share = cohort.mean(joined)
        mean = cohort.mean(joined * rows) / share.clamp_min(torch.finfo(rows.dtype).tiny)
        models.append(torch.where(share > 0, mean, old))
    return State(torch.cat(models, dim=1))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """The one of the k models that fits each client's training batches best."""
    return chosen(state, everyone, hyper)[0]
