"""The sizes of a stage of convolution, pooling and ReLU, on which its compiled kernels depend."""

from functools import lru_cache
from typing import NamedTuple

import torch

from benchmark.engine.kernels import LANES


class Stage(NamedTuple):
    """The sizes of one stage, all constants of its kernels."""

    first: bool
    """Whether its images are data, which need no gradient."""
    channels: int
    """C, the channels of its images."""
    height: int
    width: int
    """Height and width of its images."""
    filters: int
    """O, the channels of its output."""
    kernel: int
    """K, height and width of a filter."""
    rows: int
    columns: int
    """Height and width of its pooled output."""
    run: int
    """Numbers per row of a padded filter: K·C, rounded up to whole vectors."""
    block: int
    """Number of filters computed at once, 1 to 4; no result depends on it."""


@lru_cache
def stages(filters: tuple[tuple[int, int], ...], *shape: int) -> list[Stage]:
    """The stages with filters (count, K) each, on images (channels, height, width).

    A stage whose images are smaller than its windows has no rows or no columns.
    """
    found: list[Stage] = []
    for count, kernel in filters:
        channels, height, width = shape
        rows, columns = max(height - kernel + 1, 0) // 2, max(width - kernel + 1, 0) // 2
        run = -(-kernel * channels // LANES) * LANES
        sizes = channels, height, width, count, kernel, rows, columns, run
        found.append(Stage(not found, *sizes, block(count)))
        shape = count, rows, columns
    return found


def block(filters: int) -> int:
    """How many of a stage's filters to compute at once.

    Each needs four vectors for its sums: AVX-512 has 32 registers, others 16. A number that does
    not divide the filters computes some of them twice.
    """
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        for size in (4, 3):
            if filters % size == 0:
                return size
    return min(2, filters)
