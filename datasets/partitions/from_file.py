"""A partition made elsewhere, as index lists in a file."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field, model_validator

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.partition import Partition
from datasets.recipe import Recipe
from datasets.records import Fraction


class FromFile(Recipe):
    """The index lists in a file: npz as `Partition.save` writes it, or JSON (see there)."""

    drawn: ClassVar[bool] = False
    kind: Literal["from_file"]
    path: str
    """The file; no part of a cell's digest."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The digest of its index lists; the same in both formats."""
    train_fraction: Fraction = 0.5
    """Of no effect: the file says who trains on what."""

    @model_validator(mode="after")
    def _file_decides(self) -> "FromFile":
        for name in ("train_fraction", "order", "seed", "validation_fraction", "test"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: the file decides it; leave it out")
        return self

    @property
    def words(self) -> str:
        """The file's name."""
        return Path(self.path).name

    @property
    def is_fixed(self) -> bool:
        """Always: all seeds share what is in the file."""
        return True

    @property
    def validates(self) -> bool:
        """Taken for granted until the file is read, at the start of a run."""
        return True

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Who has which samples for training."""
        return list(self.draw(arrays, rng).train)

    def draw(self, arrays: Arrays, rng: Generator) -> Partition:
        """What the file holds. Raises DataError where it has changed or is not for these data."""
        partition = Partition.load(Path(self.path))
        if partition.digest != self.sha256:
            raise DataError(f"{self.path}: edited since the run was planned; start it again")
        top = max(int(np.max(part)) for part in (*partition.train, *partition.test))
        if top >= len(arrays.y):
            raise DataError(f"{self.path} names sample {top}; {arrays.name} has {len(arrays.y)}")
        return partition
