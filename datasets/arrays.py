"""What a source of data hands over."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Arrays:
    """A whole data set in memory, as its source stores it (see `datasets.scaling` for inputs).

    name: the name it was loaded by.
    x: (n, channels, height, width) images, uint8 in 0..255 (`digits`: float32 in 0..16),
        or (n, features) float32.
    y: (n,) int64 labels in 0..classes-1.
    classes: the number of labels the task has, whether or not all occur in y.
    client: (n,) int64, the client that generated each sample; None where the source has none.
    labels: what labels 0, 1, … are called in the source; empty where they are these numbers.
    """

    name: str
    x: NDArray[Any]
    y: Ints
    classes: int
    client: Ints | None = None
    labels: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of samples, labels and clients, with their types and shapes."""
        content = hashlib.sha256()
        for values in (self.x, self.y, np.empty(0) if self.client is None else self.client):
            little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
            content.update(f"{little.dtype.str}{little.shape}".encode())
            content.update(little.data.cast("B") if little.size else b"")
        return content.hexdigest()
