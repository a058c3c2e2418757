"""Compiled kernels of one stage: convolution, 2×2 max-pooling and ReLU in one go, and its gradient.

Images stand innermost, in groups of LANES: one instruction computes the same place of all of them.
The gradient follows winners only: of a pooling window, the one place whose value passed, unless
ReLU stopped it. A stage's sizes are constants of its kernels, which saves a third of their time.
Vectors are spelled out, by a type of our own, as no compiler can prove that arrays do not overlap.

Layouts, for images of C channels and P = height · width places:

- lanes (groups, C·P·LANES): images innermost; absent images of the last group are 0
- pixels (B, P·C + SPARE): channels innermost, then zeros
- filters (O, K·run): a filter's rows, each padded with zeros to whole vectors

numba keeps compiled kernels on disk and notices changes of the file that a kernel stands in, but
not of what that file imports. So nothing compiled here may depend on another file of ours.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from benchmark.engine.compiling import kept

if TYPE_CHECKING:
    from benchmark.engine.stages import Stage

LANES = 8
"""Images per group, and numbers per vector."""
SPARE = LANES  # zeros after an image's pixels, which its last window's padded row reads
CLOSED = 4
"""The winner of a window that ReLU sets to zero; winners 0 to 3 are places in reading order."""

Array = NDArray[Any]
Vectors = tuple[Any, Any, Any, Any]

compiled = kept(error_model="numpy", fastmath={"contract"}, nogil=True)
inlined = njit(error_model="numpy", fastmath={"contract"}, inline="always")


class Vector(types.Type):
    """LANES numbers of one type."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """How numba hands a vector to LLVM."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        number = manager.lookup(vector.dtype).get_value_type()
        super().__init__(manager, vector, ir.VectorType(number, LANES))


def _vector(context: Any, array: Any) -> Any:
    return ir.VectorType(context.get_value_type(array.dtype), LANES)


def _address(context: Any, builder: Any, array: Any, args: Any) -> Any:
    """Where the LANES numbers from array[index] on lie."""
    data = context.make_array(array)(context, builder, args[0]).data
    return builder.bitcast(builder.gep(data, [args[1]]), _vector(context, array).as_pointer())


def _spread(builder: Any, value: Any) -> Any:
    """A vector that holds the value LANES times."""
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, zeros)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """The vector array[index : index + LANES] of a contiguous row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, array, args)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return Vector(array.dtype)(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """array[index : index + LANES] = vector, as whole numbers where the array holds bytes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, value = _address(context, builder, array, args), args[2]
        if array.dtype != vector.dtype:
            value = builder.fptoui(value, _vector(context, array))
        builder.store(value, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def spread(typing: Any, number: Any) -> Any:
    """The vector that holds a number LANES times."""
    return Vector(number)(number), lambda _, builder, __, args: _spread(builder, args[0])


@intrinsic
def add_product(typing: Any, total: Any, factor: Any, vector: Any) -> Any:
    """total + factor · vector, rounded once where the machine can."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        product = builder.fmul(_spread(builder, args[1]), args[2], flags=("contract",))
        return builder.fadd(args[0], product, flags=("contract",))

    return total(total, total.dtype, vector), generate


@intrinsic
def where_above(typing: Any, a: Any, b: Any, one: Any, other: Any) -> Any:
    """``one`` where a > b or a is not a number, as pooling and ReLU in torch have it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        above = builder.fcmp_ordered(">", args[0], args[1])
        lost = builder.fcmp_unordered("uno", args[0], args[0])
        return builder.select(builder.or_(above, lost), args[2], args[3])

    return one(a, b, one, other), generate


@inlined
def _four(number: Any) -> Vectors:
    """A filter's bias at the four places of a window."""
    return spread(number), spread(number), spread(number), spread(number)


@inlined
def _grown(sums: Vectors, weight: Any, x: Vectors) -> Vectors:
    """The sums at the four places, with one more product each."""
    return (
        add_product(sums[0], weight, x[0]),
        add_product(sums[1], weight, x[1]),
        add_product(sums[2], weight, x[2]),
        add_product(sums[3], weight, x[3]),
    )


@inlined
def _sums(
    stage: "Stage", x: Array, corner: int, w: Array, bias: Array, o: int
) -> tuple[Vectors, Vectors, Vectors, Vectors]:
    """The convolution at the four places of a window by filter o and the three after it, of which
    a compiler leaves out those that are not used."""
    down, last = stage.width * LANES, stage.filters - 1
    p, q, r = min(o + 1, last), min(o + 2, last), min(o + 3, last)
    a, b, c, d = _four(bias[o]), _four(bias[p]), _four(bias[q]), _four(bias[r])
    for channel in range(stage.channels):
        for i in range(stage.kernel):
            at = corner + (channel * stage.height + i) * down
            x0, x2 = load(x, at), load(x, at + down)
            for j in range(stage.kernel):
                at, t = at + LANES, (channel * stage.kernel + i) * stage.kernel + j
                x1, x3 = load(x, at), load(x, at + down)
                four = x0, x1, x2, x3
                a, b = _grown(a, w[o, t], four), _grown(b, w[p, t], four)
                c, d = _grown(c, w[q, t], four), _grown(d, w[r, t], four)
                x0, x2 = x1, x3
    return a, b, c, d


@inlined
def _pool(sums: Vectors, out: Array, winner: Array, at: int) -> None:
    """Store the largest of the four, rectified, and which one it is; the first of equals."""
    number = out.dtype.type
    zero = spread(number(0))
    largest, place = sums[0], zero
    place = where_above(sums[1], largest, spread(number(1)), place)
    largest = where_above(sums[1], largest, sums[1], largest)
    place = where_above(sums[2], largest, spread(number(2)), place)
    largest = where_above(sums[2], largest, sums[2], largest)
    place = where_above(sums[3], largest, spread(number(3)), place)
    largest = where_above(sums[3], largest, sums[3], largest)
    store(out, at, where_above(largest, zero, largest, zero))
    store(winner, at, where_above(largest, zero, place, spread(number(CLOSED))))


@inlined
def _forward(stage: "Stage", x: Array, w: Array, bias: Array, out: Array, winner: Array) -> None:
    step = stage.rows * stage.columns * LANES
    for n in range(len(x)):
        for row in range(stage.rows):
            for column in range(stage.columns):
                corner = 2 * (row * stage.width + column) * LANES
                for first in range(0, stage.filters, stage.block):
                    o = min(first, stage.filters - stage.block)  # the last block may go back
                    sums = _sums(stage, x[n], corner, w, bias, o)
                    at = o * step + (row * stage.columns + column) * LANES
                    _pool(sums[0], out[n], winner[n], at)
                    if stage.block > 1:
                        _pool(sums[1], out[n], winner[n], at + step)
                    if stage.block > 2:
                        _pool(sums[2], out[n], winner[n], at + 2 * step)
                    if stage.block > 3:
                        _pool(sums[3], out[n], winner[n], at + 3 * step)


@inlined
def _open_windows(
    stage: "Stage", slope: Array, winner: Array, lane: int, o: int, offset: Array, value: Array
) -> int:
    """Lists where filter o's open windows begin among an image's pixels, and their slopes, with
    zeros behind them, as windows are added four at a time; returns their number."""
    count = 0
    for row in range(stage.rows):
        for column in range(stage.columns):
            place = row * stage.columns + column
            won = winner[(o * stage.rows * stage.columns + place) * LANES + lane]
            down, along = 2 * row + won // 2, 2 * column + won % 2
            offset[count] = (down * stage.width + along) * stage.channels
            value[count] = slope[place * stage.filters + o]
            count += int(won < CLOSED)
    offset[count : count + 3] = 0
    value[count : count + 3] = 0
    return count


@inlined
def _filter_gradient(
    stage: "Stage", x: Array, count: int, offset: Array, value: Array, total: Array
) -> Any:
    """total (K·run) += Σ slope · window of one image; returns Σ slope."""
    line, whole = stage.width * stage.channels, x.dtype.type(0)
    for e in range(0, count, 4):
        p, q, r, s = offset[e], offset[e + 1], offset[e + 2], offset[e + 3]
        t, u, v, w = value[e], value[e + 1], value[e + 2], value[e + 3]
        whole += (t + u) + (v + w)
        for i in range(stage.kernel):
            for j in range(0, stage.run, LANES):
                to, at = i * stage.run + j, i * line + j
                sums = add_product(load(total, to), t, load(x, p + at))
                sums = add_product(sums, u, load(x, q + at))
                sums = add_product(sums, v, load(x, r + at))
                store(total, to, add_product(sums, w, load(x, s + at)))
    return whole


@inlined
def _image_gradient(
    stage: "Stage", w: Array, count: int, offset: Array, value: Array, total: Array
) -> None:
    """total, the pixels of one image, += slope · filter at every open window."""
    for e in range(count):
        for i in range(stage.kernel):
            for j in range(0, stage.run, LANES):
                at = offset[e] + i * stage.width * stage.channels + j
                sums = add_product(load(total, at), value[e], load(w, i * stage.run + j))
                store(total, at, sums)


class Kernels(NamedTuple):
    """The compiled kernels of one stage; arrays are contiguous and of one type, float32 or 64."""

    forward: Callable[[Array, Array, Array, Array, Array], None]
    """x (lanes), w (O, C·K·K), bias (O,) → out (lanes), winner (lanes, uint8)."""
    backward: Callable[[Array, Array, Array, Array, Array, Array, Array], None]
    """slope (B, P·O) at the output, winner, x (pixels), w (filters) → adds to dw (filters) and
    db (O,), and writes dx (pixels; of the first stage, rows without any)."""


@lru_cache
def kernels(stage: "Stage") -> Kernels:
    """The kernels of a stage: compiled, or read from disk, when first called."""

    @compiled
    def forward(x: Array, w: Array, bias: Array, out: Array, winner: Array) -> None:
        _forward(stage, x, w, bias, out, winner)

    @compiled
    def backward(
        slope: Array, winner: Array, x: Array, w: Array, dw: Array, db: Array, dx: Array
    ) -> None:
        most = stage.rows * stage.columns + 3
        offset, value = np.empty(most, np.int64), np.empty(most, slope.dtype)
        total = np.empty(dx.shape[1], slope.dtype)  # of one image, which stays in the nearest cache
        for b in range(len(slope)):
            own, lane = winner[b // LANES], b % LANES
            total[:] = 0
            for o in range(stage.filters):
                count = _open_windows(stage, slope[b], own, lane, o, offset, value)
                db[o] += _filter_gradient(stage, x[b], count, offset, value, dw[o])
                if not stage.first:
                    _image_gradient(stage, w[o], count, offset, value, total)
            dx[b] = total

    return Kernels(forward, backward)
