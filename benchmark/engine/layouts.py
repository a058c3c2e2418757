"""A batch of images as the compiled kernels read it: images innermost, and channels innermost."""

from functools import cached_property
from typing import Any

from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from benchmark.engine.kernels import LANES, SPARE

Array = NDArray[Any]
compiled = njit(cache=True, nogil=True)


class Images:
    """One batch in the layouts of :mod:`benchmark.engine.kernels`, for all passes on it.

    It does not hold the batch's own tensor, whose life decides how long layouts are kept.
    """

    def __init__(self, x: Tensor) -> None:
        self._count, self._channels = x.shape[:2]
        self.lanes = lanes(x)

    @cached_property
    def pixels(self) -> Tensor:
        """(B, P·C + SPARE), built when first asked for: only gradients need them."""
        return pixels(self.lanes, self._count, self._channels)


def lanes(x: Tensor) -> Tensor:
    """Images (B, C, height, width) as lanes (groups, C·P·LANES)."""
    flat = x.flatten(1).contiguous()
    out = flat.new_empty(-(-len(flat) // LANES), flat.shape[1] * LANES)
    to_lanes(flat.numpy(), LANES, out.numpy())
    return out


def pixels(lanes: Tensor, count: int, channels: int) -> Tensor:
    """The first ``count`` images of lanes (groups, C·P·LANES) as pixels (count, P·C + SPARE)."""
    numbers = lanes.shape[1] // LANES
    out = lanes.new_empty(count, numbers + SPARE)
    out[:, numbers:] = 0
    to_pixels(lanes.numpy(), LANES, channels, numbers // channels, out.numpy())
    return out


def features(lanes: Tensor, count: int) -> Tensor:
    """The first ``count`` images of lanes (groups, F·LANES) as columns (F, count)."""
    columns: Tensor = lanes.view(len(lanes), -1, LANES).transpose(0, 1).flatten(1)
    return columns[:, :count]


@compiled
def to_lanes(x: Array, lanes: int, out: Array) -> None:
    """x (B, F) → out (groups, F·lanes), zeros for absent images."""
    for group in range(len(out)):
        for f in range(x.shape[1]):
            for lane in range(lanes):
                b = group * lanes + lane
                out[group, f * lanes + lane] = x[b, f] if b < len(x) else 0


@compiled
def to_pixels(x: Array, lanes: int, channels: int, places: int, out: Array) -> None:
    """x (groups, C·P·lanes) → the first P·C columns of out (B, …)."""
    for b in range(len(out)):
        image, lane = x[b // lanes], b % lanes
        for p in range(places):
            for c in range(channels):
                out[b, p * channels + c] = image[(c * places + p) * lanes + lane]
