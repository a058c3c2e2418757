"""The type of a loaded data set."""

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
    """A whole data set in memory, unscaled; `datasets.scaling` turns it into inputs."""

    name: str
    """The name by which it was loaded."""
    x: NDArray[Any]
    """(n, channels, height, width) images, uint8 in 0..255 (`digits`: float32 in 0..16), or
    (n, features) float32."""
    y: Ints
    """(n,) labels in 0..classes-1."""
    classes: int
    """Number of labels of the task, whether or not all occur in y."""
    client: Ints | None = None
    """(n,) the client that generated each sample. None: the source names no clients."""
    labels: tuple[str, ...] = ()
    """The source's names of the labels 0, 1, …; empty if they are these numbers."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of samples, labels and clients, with their types and shapes."""
        content = hashlib.sha256()
        for values in (self.x, self.y, np.empty(0) if self.client is None else self.client):
            little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
            content.update(f"{little.dtype.str}{little.shape}".encode())
            content.update(little.data.cast("B") if little.size else b"")
        return content.hexdigest()
