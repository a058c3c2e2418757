"""Experiments and protocols: grids of cells, rules over cells, and how results are read."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from benchmark.spec.cell import ModelName, Name, Scalar, Switch
from datasets.records import Count, Record

Title = Annotated[str, Field(pattern=r"^[^\p{C}]{1,200}$")]


class Where(Record):
    """A condition on cells: each named axis must have one of its values. Empty: all cells."""

    dataset: tuple[str, ...] = ()
    """Names of data sets. Empty: any."""
    partition: tuple[str, ...] = ()
    """Names from benchmark/partitions.toml. Empty: any."""
    model: tuple[str, ...] = ()
    """Names of models. Empty: any."""
    algorithm: tuple[str, ...] = ()
    """Names of methods. Empty: any."""
    active_clients: tuple[int, ...] = ()
    """Numbers of active clients. Empty: any."""

    def matches(self, point: dict[str, Any]) -> bool:
        """Whether this point of the grid meets the condition."""
        return all(not allowed or point[axis] in allowed for axis, allowed in self)


class Rule(Record):
    """Fields that are set in the cells that match ``where``. Later rules win."""

    where: Where = Where()
    """The cells. Empty: all."""
    set: dict[str, Any]
    """Fields of a cell. A table is merged into the earlier one, or replaces it if it names its
    ``kind``."""


Rules = Annotated[tuple[Rule, ...], Field(max_length=200)]


class Protocol(Record):
    """How runs are made (rules over cells) and how their histories are read."""

    name: Name
    """Name of its file, without the suffix."""
    description: str
    """One sentence for pages and lists."""
    reduction: Literal["best", "last", "last20", "at_best_validation"]
    """The number that a table prints for a run: the best evaluation, the last one, the mean of the
    last twenty, or the evaluation with the best validation accuracy. ``at_best_validation`` needs
    a partition with a ``validation_fraction``."""
    smoothing: Count
    """Number of evaluations in the forward mean that is drawn as a curve. 1: not smoothed."""
    rules: Rules
    """Fields that the protocol sets; rules of the experiment override them."""


class Grid(Record):
    """The product of these axes, one cell per point."""

    dataset: tuple[Name, ...]
    """Names of data sets."""
    partition: tuple[str, ...] = ()
    """Names from benchmark/partitions.toml. Empty: rules set the partition."""
    model: tuple[ModelName, ...]
    """Names of models, or ``mlr+dnn`` for clients' own models of another architecture."""
    algorithm: tuple[str, ...]
    """Names of methods; ``"*"`` stands for every built-in one."""
    active_clients: tuple[Count, ...]
    """Numbers of clients that the server samples in each round."""
    hyper: dict[str, tuple[Scalar, ...]] = {}
    """Swept settings of the method."""
    switches: dict[Switch, tuple[Scalar, ...]] = {}
    """Swept fields of the cell that the protocol would otherwise set."""

    @property
    def sweeps(self) -> dict[str, tuple[Scalar, ...]]:
        """All swept settings: ``hyper`` and ``switches``."""
        return {**self.hyper, **{str(name): axis for name, axis in self.switches.items()}}

    @model_validator(mode="after")
    def _few(self) -> "Grid":
        axes = (self.dataset, self.model, self.algorithm, self.active_clients)
        partitions = max(1, len(self.partition))
        if (points := partitions * math.prod(map(len, (*axes, *self.sweeps.values())))) > 2000:
            raise ValueError(f"{points} points, allowed: up to 2000")
        return self


class Tuning(Record):
    """How an experiment's methods are tuned, on validation data only."""

    partition: str
    """Name of the partition of all trials; it need not be on a grid."""
    seed: int = Field(1000, ge=0, lt=2**32)
    """Seed of every trial. Reported runs must have other seeds."""
    trials: Count = 8
    """Number of settings that each method tries; the first is the experiment's own."""


class Profile(Record):
    """The part of an experiment that is run, and its length."""

    seeds: Annotated[Count, Field(le=1000)]
    """Number of runs per cell."""
    rounds: Count | None = None
    """Rounds of a run. None: the experiment's."""
    evaluate_every: Count | None = None
    """Rounds between two evaluations. None: the experiment's."""
    trials: Annotated[Count, Field(le=1000)] | None = None
    """Trials per method; ``run`` makes missing ones itself. None: ``run`` refuses to start before
    ``tune`` has made all trials."""
    only: Where = Where()
    """The points of the grid that are run."""


class Misprint(Record):
    """Published numbers that are compared with another number of active clients than printed."""

    where: Where = Where()
    """The cells that the numbers are compared with."""
    printed: Count
    """Number of active clients that the caption states."""
    why: Annotated[str, Field(pattern=r"^[^\p{C}]+$", max_length=500)]
    """The reason, for pages."""


class Experiment(Record):
    """One table or figure: a grid of cells, and how it is shown.

    A file may name one or more others in ``extends`` and inherit the fields that it does not set
    itself, except labels and misprints. Equal cells of two experiments share their runs.
    """

    name: Name
    """Name of its file, without the suffix."""
    title: Title
    """Heading of its pages."""
    group: Name | None = None
    """Name of a group of experiments that a command can be given, such as ``paper``."""
    table: int | None = Field(None, ge=1, le=1000)
    """Number of the published table that it reproduces; see results/published."""
    figure: str | None = None
    """Name of the published figure that it reproduces; see results/published."""
    protocols: tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...] = Field(
        min_length=1
    )
    """Names or TOML files of the protocols that are reported; the first is the default of a run. In
    a file, paths are relative to its folder."""
    grid: tuple[Grid, ...] = Field(min_length=1, max_length=20)
    """Grids, whose cells are joined."""
    misprints: tuple[Misprint, ...] = ()
    """Published numbers whose caption is wrong."""
    rules: Rules = ()
    """Fields that the experiment sets, over those of the protocol."""
    profiles: dict[str, Profile]
    """Profiles by name, such as ``smoke``, ``quick`` and ``paper``."""
    tuning: Tuning | None = None
    """How methods are tuned. None: they keep the settings of rules and grid."""

    @property
    def swept(self) -> set[str]:
        """Names of the methods' settings that a grid sweeps; these are not tuned."""
        return {name for grid in self.grid for name in grid.hyper}
