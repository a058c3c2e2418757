"""Rows whose last products are not yet multiplied out.

On a batch X (in × B) the gradient of a first layer W (out × in) is a product D·Xᵀ of two thin
matrices. A method that takes several steps on one batch only adds such products up, and of the
models in between it needs only the outputs,

    (W + D·Xᵀ)·X = W·X + D·(XᵀX),

so with the Gram matrix XᵀX (B × B) a further step costs B/in of a forward pass, and no backward
pass, in that layer. Gradients of wide first layers on a CPU are therefore :class:`Deferred`. Such
tensors stay sums of rows and thin products under addition and scaling, and are multiplied out once,
by any other operation. Methods need not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, overload

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

_aten = torch.ops.aten
_number = count()


class Views(Sequence[Tensor]):
    """Every client's batch (B, …) as a view of the data, and the first layer's products with it.

    grams: returns the matrices XᵀX (B, B) of the batches, if they are kept between rounds.
    sizes: number of samples of each batch before its padding. None: there is no padding.
    """

    def __init__(
        self,
        parts: Sequence[Tensor],
        grams: Callable[[], Sequence[Tensor]] | None = None,
        sizes: Sequence[int] | None = None,
    ) -> None:
        self._parts, self._kept, self.number = parts, grams, next(_number)
        self.sizes = [len(part) for part in parts] if sizes is None else sizes
        self._products: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        return self._parts[index]

    @cached_property
    def flat(self) -> list[Tensor]:
        """Each batch as (B, in)."""
        return [part.flatten(1) for part in self._parts]

    @cached_property
    def _grams(self) -> Sequence[Tensor]:
        return self._kept() if self._kept else [gram(part) for part in self._parts]

    def first_layer(self, rows: Tensor, out: int) -> tuple[Tensor, Tensor]:
        """W·X (S, out, B) of the first layer, and the parameters after its weights (S, …)."""
        B, inputs = self.flat[0].shape
        saves = inputs > B and (self._kept is not None or 2 * out >= B)
        if not (saves and isinstance(rows, Deferred) and rows.waits_for(self) and rows.total.bases):
            rows = dense_rows(rows)
            return self._product(rows, out), rows[:, out * inputs :]
        total = rows.total
        product = _weighted([(factor, self._product(base, out)) for factor, base in total.bases])
        if total.slope is not None:
            for place, slope, squares in zip(product, total.slope, self._grams, strict=True):
                place.addmm_(slope, squares)
        return product, total.rest

    def _product(self, rows: Tensor, out: int) -> Tensor:
        """W·X of plain rows, computed once per batch."""
        if id(rows) not in self._products:
            product = rows.new_empty(len(rows), out, len(self.flat[0]))
            weights = rows[:, : out * self.flat[0].shape[1]].unflatten(1, (out, -1))
            for place, weight, x in zip(product, weights, self.flat, strict=True):
                torch.mm(weight, x.mT, out=place)
            self._products[id(rows)] = (
                rows,
                product,
            )  # keeps rows, so that no id is reused
        return self._products[id(rows)][1]


def gram(x: Tensor) -> Tensor:
    """The products (B, B) of a batch's samples with one another."""
    flat = x.flatten(1)
    return flat @ flat.mT


@dataclass(frozen=True)
class Sum:
    """Σ factor · base, plus slope·Xᵀ in the first layer's weights."""

    bases: list[tuple[float, Tensor]]
    """Pairs (factor, base)."""
    slope: Tensor | None
    """(S, out, B); None: there is no product."""
    rest: Tensor
    """(S, …) total value of the parameters after the first layer's weights."""


class Deferred(Tensor):
    """Rows (S, P): a gradient of the batch ``x``, or a sum of rows and of such gradients.

    Created by :meth:`gradient` and :meth:`sum_of`.
    """

    x: Views
    """The batch."""
    weights: int
    """Number of weights of the first layer, among the P parameters."""
    _of: Sequence[tuple[float, Tensor]]
    _total: Sum | None
    _dense: Tensor | None
    # torch documents this assignment, but declares a method.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def _made(x: Views, weights: int, shape: Sequence[int], like: Tensor) -> "Deferred":
        made: Deferred = Tensor._make_wrapper_subclass(
            Deferred, tuple(shape), dtype=like.dtype, device=like.device
        )
        made.x, made.weights, made._of, made._total, made._dense = x, weights, (), None, None
        return made

    @staticmethod
    def gradient(x: Views, slope: Tensor, rest: Tensor) -> "Deferred":
        """slope·Xᵀ in the first layer's weights, ``rest`` in the parameters after them."""
        weights = slope.shape[1] * x.flat[0].shape[1]
        made = Deferred._made(x, weights, (len(slope), weights + rest.shape[1]), slope)
        made._total = Sum([], slope, rest)
        return made

    @staticmethod
    def sum_of(terms: Sequence[tuple[float, Tensor]]) -> "Deferred | None":
        """The sum of the terms; None if none is waiting. Terms of the newest batch stay deferred,
        older ones are multiplied out."""
        waiting = [t for _, t in terms if isinstance(t, Deferred) and t._dense is None]
        if not waiting:
            return None
        newest = max(waiting, key=lambda each: each.x.number)
        made = Deferred._made(newest.x, newest.weights, newest.shape, newest)
        made._of = [
            (f, t if isinstance(t, Deferred) and t.waits_for(newest.x) else dense_rows(t))
            for f, t in terms
        ]
        return made

    def waits_for(self, x: Views) -> bool:
        """Whether it is a sum on the batch ``x`` that is not multiplied out yet."""
        return self._dense is None and self.x is x

    @property
    def total(self) -> Sum:
        """The sum with each base and the slope once."""
        if self._total is None:
            self._total, self._of = self._summed(), ()
        return self._total

    def _summed(self) -> Sum:
        bases: dict[int, tuple[float, Tensor]] = {}
        slopes: list[tuple[float, Tensor]] = []
        rests: list[tuple[float, Tensor]] = []
        for factor, part in self._of:
            if isinstance(part, Deferred) and part._dense is None:
                own = part.total
            else:
                rows = dense_rows(part)
                own = Sum([(1.0, rows)], None, rows[:, self.weights :])
            rests.append((factor, own.rest))
            if own.slope is not None:
                slopes.append((factor, own.slope))
            for weight, base in own.bases:
                before = bases[id(base)][0] if id(base) in bases else 0.0
                bases[id(base)] = before + factor * weight, base
        slope = _weighted(slopes) if slopes else None
        return Sum(list(bases.values()), slope, _weighted(rests))

    @property
    def dense(self) -> Tensor:
        """The plain rows, multiplied out once and kept."""
        if self._dense is None:
            total = self.total
            dense = total.rest.new_empty(tuple(self.shape))
            first = dense[:, : self.weights]
            if total.bases:
                _weighted([(f, base[:, : self.weights]) for f, base in total.bases], out=first)
            if total.slope is not None:
                places = first.unflatten(1, (total.slope.shape[1], -1))
                for place, slope, own in zip(places, total.slope, self.x.flat, strict=True):
                    torch.addmm(place, slope, own, beta=bool(total.bases), out=place)
            dense[:, self.weights :] = total.rest
            self._dense, self._total, self._of = dense, None, ()
        return self._dense

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares no signature for it
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        terms = _terms(func, args, kwargs or {})
        if terms and (found := cls.sum_of(terms)) is not None:
            return found
        plain_args, plain_kwargs = tree_map_only(Deferred, dense_rows, (args, kwargs or {}))
        return func(*plain_args, **plain_kwargs)


def dense_rows(rows: Tensor) -> Tensor:
    """The rows as a plain tensor, multiplied out if they are deferred."""
    return rows.dense if isinstance(rows, Deferred) else rows


def weighted_sum(*terms: tuple[float, Tensor]) -> Tensor:
    """Σ factor · rows; if none is deferred, in one pass over memory per term."""
    found = Deferred.sum_of(terms)
    return _weighted([(f, dense_rows(rows)) for f, rows in terms]) if found is None else found


def _weighted(terms: Sequence[tuple[float, Tensor]], out: Tensor | None = None) -> Tensor:
    (factor, first), *others = terms
    total = torch.mul(first, factor, out=out)
    for factor, rows in others:
        total.add_(rows, alpha=factor)
    return total


def _terms(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[float, Tensor]] | None:
    """The terms of an operation that is a sum of scaled rows; None for any other operation."""
    first, *rest = args if args and isinstance(args[0], Tensor) else (None,)
    match func, rest:
        case _aten.neg.default, []:
            return [(-1.0, first)]
        case _aten.mul.Tensor, [float() | int() as factor]:
            return [(float(factor), first)]
        case _aten.div.Tensor, [float() | int() as divisor]:
            return [(1.0 / divisor, first)]
        case ((_aten.add.Tensor | _aten.sub.Tensor), [Tensor() as second]) if (
            second.shape == first.shape
        ):
            sign = 1.0 if func is _aten.add.Tensor else -1.0
            return [(1.0, first), (sign * kwargs.get("alpha", 1), second)]
    return None
