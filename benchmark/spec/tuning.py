"""First trials of tuning, and the cells of an experiment that use their outcome."""

import json
from collections.abc import Sequence

from benchmark.spec.cell import Cell
from benchmark.spec.experiment import Experiment, Profile, Protocol
from benchmark.spec.grid import cells

OF_A_TRIAL = {"partition", "rounds", "evaluate_every", "train_loss_every"}
"""Fields in which a trial may differ from the cells that it serves."""


def first_trials(
    experiment: Experiment, protocol: Protocol, profile: Profile, algorithms: Sequence[str] = ()
) -> list[Cell]:
    """The first trial of every method: the experiment's cells on its tuning partition.

    Cells that differ only in their partition share a first trial. Empty: the experiment is not
    tuned.
    """
    if experiment.tuning is None:
        return []
    partition = {"partition": (experiment.tuning.partition,)}
    grids = tuple(grid.model_copy(update=partition) for grid in experiment.grid)
    anywhere = profile.only.model_copy(update={"partition": ()})
    return cells(
        experiment.model_copy(update={"grid": grids}),
        protocol,
        profile.model_copy(update={"only": anywhere}),
        algorithms,
    )


def tried_for(cell: Cell) -> str:
    """The fields that a cell shares with its first trial, as text; equal for both."""
    return json.dumps(cell.model_dump(mode="json", exclude=OF_A_TRIAL), sort_keys=True)
