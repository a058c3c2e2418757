"""The record of a finished run. Nothing here imports torch."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from benchmark.spec import Cell, Count, Record, Scalar
from benchmark.store.costs import Costs

FORMAT = 1
MODELS = "models.safetensors"
"""File of a run's final models; see :mod:`benchmark.store.models`."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Run(Record):
    """The record of one finished run."""

    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    """Version of this record's layout."""
    cell: Cell
    """The cell as it was asked for."""
    seed: int = Field(ge=0)
    """The seed of all random streams of the run."""
    hyper: dict[str, Scalar]
    """All settings of the method, with its defaults."""
    parameters: int
    """Number of parameters of the model."""
    source: Sha256
    """SHA-256 of the method's file."""
    code: Sha256 | None = None
    """SHA-256 of the method's code without comments, docstrings and layout. None: the run is older
    than this field."""
    partition: Sha256
    """Digest of the index lists (kept in ``<store>/partitions/``)."""
    data: Sha256 | None = None
    """Digest of the data set's arrays. None: the run is older than this field."""
    partition_summary: Mapping[str, Scalar]
    """Numbers of samples and labels; see :meth:`datasets.Partition.summary`."""
    started: str
    """Time at which the run first started."""
    wall_seconds: float
    """Seconds spent on the run, without interruptions."""
    seeds_stacked: Count
    """Number of seeds that the program trained together with this one, itself included."""
    environment: dict[str, str]
    """Machine, commit and versions; see :func:`benchmark.jobs.environment.environment`."""
    command: str
    """Command line that made the run."""
    diverged: int | None = Field(default=None, ge=0)
    """Round of the first loss that is not finite; the history ends there. None: all are finite."""
    costs: Costs | None = None
    """Cost of a round for a client. None: the run is older than this field, or counting failed."""
    checksums: dict[str, str]
    """SHA-256 of the run's other files, by name."""

    @property
    def has_models(self) -> bool:
        """True if the run keeps its final models."""
        return MODELS in self.checksums
