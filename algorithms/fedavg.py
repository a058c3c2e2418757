"""FedAvg: the mean of the clients' models after E local steps.

McMahan, Moore, Ramage, Hampson, Agüera y Arcas, *Communication-Efficient Learning of Deep
Networks from Decentralized Data*, AISTATS 2017, Algorithm 1.

    w_i ← w_t, then E times  w_i ← w_i − η ∇f_i(w_i)
    w_{t+1} = mean of w_i over those who send
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import Field

from benchmark.algorithm import Cohort, Globals, Positive, Steps, Table


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """Settings of FedAvg."""

    eta: Positive = 0.01
    """η, the step size."""
    E: Steps = 10
    """Local steps a round, each on one mini-batch."""
    finetune_steps: Annotated[int, Field(ge=0)] = 0
    """Steps of size η on training batches before a personal score; 0: none is reported."""


class State(NamedTuple):
    """What the server keeps."""

    w: Globals


def init(w: Globals, everyone: Cohort, hyper: Hyper) -> State:
    """Start from the initial model."""
    return State(w)


def train_round(state: State, cohort: Cohort, hyper: Hyper) -> State:
    """One round of Algorithm 1."""
    rows = cohort.spread(state.w)
    for batch in cohort.batches(hyper.E):
        rows = rows - hyper.eta * cohort.grad(rows, batch)
    return State(cohort.mean(rows))


def personal_models(state: State, everyone: Cohort, hyper: Hyper) -> Table | None:
    """The global model, fine-tuned by each client if asked."""
    if hyper.finetune_steps == 0:
        return None
    rows = everyone.spread(state.w)
    for batch in everyone.batches(hyper.finetune_steps):
        rows = rows - hyper.eta * everyone.grad(rows, batch)
    return rows
