"""A partition from index lists in a file."""

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
    """The index lists in a file, npz or JSON as `Partition.save` writes them."""

    drawn: ClassVar[bool] = False
    kind: Literal["from_file"]
    path: str
    """Path of the file; not part of a cell's digest."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Digest of the index lists; the same for both formats."""
    train_fraction: Fraction = 0.5
    """Without effect: the file says which samples are for training."""

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
        """True: all seeds share the partition in the file."""
        return True

    @property
    def validates(self) -> bool:
        """True: whether there are validation samples is known only once a run reads the file."""
        return True

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Every client's training samples."""
        return list(self.draw(arrays, rng).train)

    def draw(self, arrays: Arrays, rng: Generator) -> Partition:
        """The partition in the file.

        Raises DataError if the file has changed or does not fit the data set.
        """
        partition = Partition.load(Path(self.path))
        if partition.digest != self.sha256:
            raise DataError(f"{self.path}: edited since the run was planned; start it again")
        top = max(int(np.max(part)) for part in (*partition.train, *partition.test))
        if top >= len(arrays.y):
            raise DataError(f"{self.path} names sample {top}; {arrays.name} has {len(arrays.y)}")
        return partition
