"""A cell: everything that decides a result except the seed, and its content hash.

Titles and other labels stay outside the cell, so that relabelling a table never invalidates a
run. Nothing here imports torch.
"""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, model_validator

from benchmark.models import ModelSpec
from datasets import SOURCES
from datasets.partitions import PartitionSpec
from datasets.records import Count, Record

Scalar = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}(\+[a-z][a-z0-9_]{0,31})?$")]
"""The name of a model; ``mlr+dnn`` if clients' own models have another architecture."""
Switch = Literal["participation", "aggregation", "batches", "global_scored"]
"""Fields of a cell that a protocol sets and an experiment may sweep."""


class Data(Record):
    """A data set and how its inputs are scaled."""

    name: Name
    """Name of the data set."""
    options: dict[str, int | float] = {}
    """Settings of the generator of a synthetic data set."""
    scaling: Literal["none", "unit", "symmetric", "per_feature"] = "none"
    """``none``: as stored. ``unit``: to [0, 1]. ``symmetric``: to [−1, 1]. ``per_feature``:
    standardised, feature by feature, over all samples."""
    path: str | None = None
    """File or folder of a user's data set (see :func:`datasets.load_own`), which pages call
    ``name``; not part of the digest. None: a built-in data set."""
    label: str | None = None
    """Name of the column of labels in a user's table."""
    client: str | None = None
    """Name of the column of clients in a user's table, if there is one."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the content of ``path``, filled in automatically: an edited file is another data
    set."""

    @model_validator(mode="after")
    def _own_or_built_in(self) -> "Data":
        own = (self.path, self.label, self.client, self.sha256)
        if self.path is None and own != (None,) * 4:
            raise ValueError("label and client go with a path")
        if self.path is not None and (self.name in SOURCES or self.options):
            raise ValueError(
                f"{self.name} has a path: allowed: no options, and no built-in name "
                f"({', '.join(SOURCES)})"
            )
        return self


class Schedule(Record):
    """How step sizes change over the rounds of a run."""

    factor: float = Field(gt=0, le=1)
    """Factor of each change."""
    at: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of all rounds after which step sizes change. Empty: they change after every round."""

    def scale(self, round_: int, rounds: int) -> float:
        """The factor of all step sizes in a round; rounds count from 0, whose factor is 1."""
        changes = sum(round_ >= share * rounds for share in self.at) if self.at else round_
        return float(self.factor**changes)


class Cell(Record):
    """Everything that decides the result of a run, except its seed."""

    data: Data
    """The data set."""
    partition: PartitionSpec
    """The clients and their samples."""
    model: ModelSpec
    """Architecture of the global model."""
    algorithm: Name
    """Name of the method."""
    hyper: dict[str, Scalar] = {}
    """The method's settings that the experiment names; all others have the method's defaults."""
    rounds: Count
    """Number of communication rounds."""
    active_clients: Count
    """Number of clients that the server samples in each round."""
    batch_size: Count
    """Samples per mini-batch."""
    participation: Literal["all", "sampled"]
    """``all``: every client trains in every round, and the sampled ones send their models.
    ``sampled``: only the sampled ones train."""
    aggregation: Literal["samples", "uniform"]
    """Weights of the server's mean: numbers of training samples, or equal ones."""
    batches: Literal["fixed_order", "shuffled_passes", "with_replacement"]
    """How mini-batches are drawn. ``fixed_order``: the same order in every pass over the training
    set. ``shuffled_passes``: a new order for each pass. ``with_replacement``: every sample
    independently."""
    global_scored: Literal["before", "after"]
    """``before``: a round's global model is scored before its training, as in the paper's curves.
    ``after``: after it."""
    evaluate_every: Count = 1
    """Rounds between two evaluations; the last round is always evaluated."""
    train_loss_every: Count = 1
    """Evaluations between two training losses; the last evaluation always has one."""
    auxiliary: ModelSpec | None = None
    """Architecture of the models that clients keep to themselves. None: that of ``model``."""
    local_work: Literal["steps", "epochs"] = "steps"
    """What a method's numbers of local steps count. ``steps``: mini-batches, equally many for every
    client. ``epochs``: passes over a client's own training set, so that larger clients take more
    steps. Every client costs as much time as the largest: with sizes by Dirichlet(0.1), three
    times the mean."""
    schedule: Schedule | None = None
    """How the method's step sizes change over the rounds. None: they do not."""

    @model_validator(mode="after")
    def _possible(self) -> "Cell":
        if self.auxiliary == self.model:
            raise ValueError("auxiliary is the model itself: leave it out")
        if self.active_clients > self.partition.clients:
            raise ValueError(
                f"active_clients is {self.active_clients}, of only {self.partition.clients} clients"
            )
        if self.evaluate_every > self.rounds:
            raise ValueError(
                f"evaluate_every is {self.evaluate_every}, allowed: 1 to rounds = {self.rounds}"
            )
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the cell's canonical JSON without defaults, in hexadecimal.

        A field added later, with its default, leaves existing runs valid. 15 and 15.0 hash alike.
        """
        data = self.model_dump(mode="json", exclude_defaults=True)
        for table in ("data", "partition", "model", "auxiliary"):
            data.get(table, {}).pop("path", None)  # the content decides, not the path
        for settings in (data.get("hyper", {}), data["data"].get("options", {})):
            settings.update({name: _spelled(name, value) for name, value in settings.items()})
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def key(self) -> str:
        """The cell's folder in a store: readable, and unique by its hash."""
        return f"{self.data.name}-{self.model.called}-{self.algorithm}-{self.digest[:12]}"


def _spelled(name: str, value: Scalar) -> Scalar:
    """The canonical form of a number: an integer if the setting's name is one capital letter
    (counts: K, E), otherwise a float."""
    if isinstance(value, bool | str) or abs(value) > 2**53:  # beyond, floats merge neighbours
        return value
    if len(name) == 1 and name.isupper():
        return int(value) if value == int(value) else value
    return float(value)
