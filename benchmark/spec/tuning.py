"""The cells that tuning tries first, and which of an experiment's cells use what it finds."""

import json
from collections.abc import Sequence

from benchmark.spec.cell import Cell
from benchmark.spec.experiment import Experiment, Profile, Protocol
from benchmark.spec.grid import cells

OF_A_TRIAL = {"partition", "rounds", "evaluate_every", "train_loss_every"}
"""Fields in which a trial may differ from the cells that it is made for."""


def first_trials(
    experiment: Experiment, protocol: Protocol, profile: Profile, algorithms: Sequence[str] = ()
) -> list[Cell]:
    """The experiment's cells on its tuning partition, where their settings are the first trials.

    Cells that differ only in their partition have one in common. Empty: it is not tuned.
    """
    if experiment.tuning is None:
        return []
    there = {"partition": (experiment.tuning.partition,)}
    grids = tuple(grid.model_copy(update=there) for grid in experiment.grid)
    anywhere = profile.only.model_copy(update={"partition": ()})
    return cells(
        experiment.model_copy(update={"grid": grids}),
        protocol,
        profile.model_copy(update={"only": anywhere}),
        algorithms,
    )


def tried_for(cell: Cell) -> str:
    """What a cell and its first trial have in common, as text."""
    return json.dumps(cell.model_dump(mode="json", exclude=OF_A_TRIAL), sort_keys=True)
