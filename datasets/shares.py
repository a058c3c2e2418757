"""Functions that several recipes use."""

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Ints
from datasets.errors import DataError


def enough(members: Ints, clients: int, what: str) -> None:
    """Raise DataError unless 1 <= clients <= len(members): one sample per client at least."""
    if not 1 <= clients <= len(members):
        raise DataError(
            f"{what} has {len(members)} samples for clients={clients}; each needs at least one, "
            "and there must be a client"
        )


def cuts(weights: NDArray[np.float64], n: int, least: int) -> Ints:
    """The positions that cut n samples into shares proportional to ``weights`` (k,).

    Returns (k - 1,) ascending positions. Every share has at least ``least`` samples."""
    ends = np.cumsum(weights)
    spread = np.rint(ends[:-1] / ends[-1] * (n - least * len(weights)))
    return np.asarray(spread, np.int64) + least * np.arange(1, len(weights))
