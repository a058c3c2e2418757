"""Local-only: every client trains alone; nothing is ever sent.

The baseline that a personalised method has to beat to justify its communication. McMahan et al.
(AISTATS 2017) use it so; Yu, Bagdasaryan, Shmatikov, *Salvaging Federated Learning by Local
Adaptation*, arXiv 2002.04758, 2020, argue for it in pFL.

    E times a round  m_i ← m_i − η ∇f_i(m_i)
"""

from dataclasses import dataclass
from typing import NamedTuple

from benchmark.algorithm import (
    Cohort,
    Globals,
    Momentum,
    NonNegative,
    Positive,
    Steps,
    Table,
    heavy_ball,
)

NAME = "Local-only"
RANGES = {"eta": (1e-3, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of local training."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps per round, each on one mini-batch."""
    momentum: Momentum = 0.0
    """Heavy-ball momentum, from velocity 0 in each round."""
    decay: NonNegative = 0.0
    """Weight decay."""


class State(NamedTuple):
    """The clients' models; there is no global model."""

    m: Table


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Every client starts from the initial model."""
    return State(everyone.spread(w))


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """E steps of plain SGD at each client."""
    m, v = cohort.read(state.m), None
    for batch in cohort.batches(hyper.E):
        v = heavy_ball(v, cohort.grad(m, batch), m, hyper.momentum, hyper.decay)
        m = batch.step(m, m - hyper.eta * v)
    return State(cohort.write(state.m, m))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table:
    """Each client's own model."""
    return state.m
