"""PFML: a local and an auxiliary model that learn from each other, both regularised.

Yang, Tian, Zhang, *Regularized Mutual Learning for Personalized Federated Learning*, ACML
2021, Algorithm 1. Client i holds a local model w_i, which it sends, and an auxiliary model
m_i, which it keeps. Their mutual losses on a batch, the peer's probabilities being constants:

    L(w) = f(w) + KL(p_m ‖ p_w)        L(m) = f(m) + KL(p_w ‖ p_m)

One round at a client, from w_i ← w_t, for each of E mini-batches: K times, both at once,

    θ ← θ − α (∇L(θ) + λ (θ − m) + μ θ)        ≈ argmin h(m), the personalised model
    ŵ ← ŵ − α (∇L(ŵ) + λ (ŵ − w) + μ ŵ)        ≈ argmin g(w)

and then  m ← m − η ∇L(m) − ηλ (m − θ),   w ← w − η ∇L(w) − ηλ (w − ŵ).
At the server  w_{t+1} = (1 − β) w_t + β · mean of w_i over the clients that send.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.algorithm import (
    Cohort,
    Globals,
    Loss,
    NonNegative,
    Positive,
    Steps,
    Table,
    cross_entropy,
    disagreement,
    kl_divergence,
    proximal_step,
)

NAME = "PFML"
STEP_SIZES = ("eta", "alpha")
RANGES = {"eta": (1e-3, 0.1), "alpha": (1e-3, 0.3), "lam": (1.0, 50.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of PFML. The paper leaves those after ``beta`` open."""

    eta: Positive = 0.01
    """η, the step size of the outer updates."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    K: Steps = 3
    """Inner ("personalisation") steps on each mini-batch."""
    lam: NonNegative = 15.0
    """λ, the pull of both regularisers. 0: mutual learning by SGD, without effect of θ and ŵ."""
    beta: Positive = 1.0
    """β, the server's step. 1: the mean itself."""
    alpha: Positive = 0.01
    """α, the step size of the inner steps; the paper prints none."""
    mu: NonNegative = 0.0
    """μ, weight decay of the inner steps (the text calls MLR l2-regularised, with no weight)."""
    mutual: Literal["kl", "agreement", "none"] = "kl"
    """The mutual term. ``kl``: the KL divergence of the text. ``agreement``: the form that fits the
    published curves (see :func:`benchmark.algorithm.disagreement`). ``none``: no mutual term."""
    mutual_weight: NonNegative = 1.0
    """Weight of the mutual term. 1/C is a KL averaged over the C classes too."""
    peer: Literal["refreshed", "fixed"] = "refreshed"
    """The peer in the K steps. ``refreshed``: the other inner iterate. ``fixed``: the outer model
    of the batch."""
    centre: Literal["previous", "current"] = "previous"
    """Centre of the proximal terms. ``previous``: the models at the start of the round (m_prev and
    w_t of Algorithm 1). ``current``: m_e and w_e."""
    inner_start: Literal["restart", "carry"] = "restart"
    """``restart``: θ and ŵ restart at m_e and w_e for each batch. ``carry``: they continue from
    batch to batch."""
    outer_gradient: Literal["outer", "inner"] = "outer"
    """∇L of the outer updates. ``outer``: the gradient at m_e and w_e, as Algorithm 1 says.
    ``inner``: the gradient of the last of the K steps, at θ and ŵ before that step."""
    persistent: bool = True
    """True: m starts a round as the client's auxiliary model of its last round (the text). False:
    as w_t (Algorithm 1)."""
    scored: Literal["theta", "auxiliary"] = "theta"
    """The model that PM scores. ``theta``: θ_i, as the text says. ``auxiliary``: m_i."""


class State(NamedTuple):
    """The global model, and what each client held at the end of its last round."""

    w: Globals
    m: Table
    theta: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """All start from the initial model; auxiliary ones of another architecture at random."""
    table = everyone.auxiliary(w)
    return State(w, table, table)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    alpha, eta, lam, mu = hyper.alpha, hyper.eta, hyper.lam, hyper.mu
    loss = _mutual_loss(hyper)
    w = w_hat = w_prev = cohort.spread(state.w)
    m = theta = m_prev = cohort.read(state.m) if hyper.persistent else w
    for batch in cohort.batches(hyper.E):
        if hyper.centre == "current":
            m_prev, w_prev = m, w
        if hyper.inner_start == "restart":
            theta, w_hat = batch.step(theta, m), batch.step(w_hat, w)
        at_m, at_w = cohort.forward(m, batch), cohort.forward(w, batch)
        if hyper.outer_gradient == "outer":
            G_m, G_w = at_m.grad(loss, at_w.probs), at_w.grad(loss, at_m.probs)
        for _ in range(hyper.K):
            at_theta, at_w_hat = cohort.forward(theta, batch), cohort.forward(w_hat, batch)
            of_m, of_w = (at_m, at_w) if hyper.peer == "fixed" else (at_theta, at_w_hat)
            g_theta, g_w_hat = at_theta.grad(loss, of_w.probs), at_w_hat.grad(loss, of_m.probs)
            theta = batch.step(theta, proximal_step(theta, g_theta, alpha, lam, m_prev, mu))
            w_hat = batch.step(w_hat, proximal_step(w_hat, g_w_hat, alpha, lam, w_prev, mu))
        if hyper.outer_gradient == "inner":
            G_m, G_w = g_theta, g_w_hat
        m = batch.step(m, proximal_step(m, G_m, eta, lam, theta))
        w = batch.step(w, proximal_step(w, G_w, eta, lam, w_hat))
    mixed = (1 - hyper.beta) * state.w + hyper.beta * cohort.mean(w)
    return State(mixed, cohort.write(state.m, m), cohort.write(state.theta, theta))


def _mutual_loss(hyper: Hyper) -> Loss:
    """Cross-entropy plus the mutual term; the peer's probabilities are a constant."""
    if hyper.mutual == "none":
        return cross_entropy
    term = kl_divergence if hyper.mutual == "kl" else disagreement
    return cross_entropy + hyper.mutual_weight * term


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """θ_i of each client's last round (m_i if so asked)."""
    return state.theta if hyper.scored == "theta" else state.m
