"""Per-FedAvg: an initial model from which one gradient step personalises.

Fallah, Mokhtari, Ozdaglar, *Personalized Federated Learning with Theoretical Guarantees: A
Model-Agnostic Meta-Learning Approach*, NeurIPS 2020, Algorithm 1. One local step at a client,
on fresh batches D, D′ (and D″):

    w̃ = w − α ∇f(w; D),  g = ∇f(w̃; D′)
    w ← w − β g                                                           first order
    w ← w − β (g − α [∇f(w + δg; D″) − ∇f(w − δg; D″)] / 2δ)             Hessian-free

The server takes the mean over the clients that send. The personalised model is one step of size α
from the global one, on a batch of the client's training set.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.algorithm import Cohort, Globals, Positive, Steps, Table

NAME = "Per-FedAvg"
STEP_SIZES = ("beta",)
RANGES = {"alpha": (1e-3, 1.0), "beta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of Per-FedAvg."""

    alpha: Positive = 0.01
    """α, the step that personalises."""
    beta: Positive = 0.01
    """β, the step of the meta-gradient. Not the server's β of pFedMe and PFML."""
    E: Steps = 10
    """Local meta-steps per round (the paper's τ)."""
    variant: Literal["first_order", "hessian_free"] = "first_order"
    """Treatment of the meta-gradient's Hessian: left out, or approximated by a difference."""
    delta: Positive = 1e-3
    """δ, the width of that difference."""


class State(NamedTuple):
    """State of the server: the global model."""

    w: Globals


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Start from the initial model."""
    return State(w)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    hessian_free = hyper.variant == "hessian_free"
    w = cohort.spread(state.w)
    batches = cohort.batches(hyper.E * (3 if hessian_free else 2))
    for batch in batches:
        adapted = w - hyper.alpha * cohort.grad(w, batch)
        step = g = cohort.grad(adapted, next(batches))
        if hessian_free:
            batch = next(batches)
            ahead = cohort.grad(w + hyper.delta * g, batch)
            behind = cohort.grad(w - hyper.delta * g, batch)
            step = g - hyper.alpha * (ahead - behind) / (2 * hyper.delta)
        w = batch.step(w, w - hyper.beta * step)
    return State(cohort.mean(w))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """One step from the global model on each client's next training batch."""
    w = everyone.spread(state.w)
    batch = next(everyone.batches(1))
    return w - hyper.alpha * everyone.grad(w, batch)
