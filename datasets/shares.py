"""Steps that several recipes share."""

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Ints
from datasets.errors import DataError


def enough(members: Ints, clients: int, what: str) -> None:
    """Raise DataError unless each of at least one client can get a sample."""
    if not 1 <= clients <= len(members):
        raise DataError(
            f"{what} has {len(members)} samples for clients={clients}; each needs at least one, "
            "and there must be a client"
        )


def cuts(weights: NDArray[np.float64], n: int, least: int) -> Ints:
    """Where to cut n samples so that shares follow the weights, each with `least` at least."""
    ends = np.cumsum(weights)
    spread = np.rint(ends[:-1] / ends[-1] * (n - least * len(weights)))
    return np.asarray(spread, np.int64) + least * np.arange(1, len(weights))
