"""Rows whose last products are not yet multiplied out.

On a batch X (in × B) the gradient of a first layer W (out × in) is a product D·Xᵀ of two thin
matrices. A method that takes several steps on one batch only adds such products up, and needs of
the models on its way no more than their outputs,

    (W + D·Xᵀ)·X = W·X + D·(XᵀX),

so with the Gram matrix XᵀX (B × B) a further step costs B/in of a forward pass and nothing of a
backward one. Gradients of wide first layers on a CPU are therefore :class:`Deferred`: tensors that
stay sums of rows and thin products under addition and scaling, and are multiplied out, once, when
anything else is done with them. Methods do not notice.
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
    """Every client's own batch (B, …), where the data lie, and what first layers make of it.

    grams: the matrices XᵀX (B, B) of the batches, where they are kept from round to round.
    sizes: how many samples each batch begins with before its padding; None: it has none.
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
        """(B, in) each."""
        return [part.flatten(1) for part in self._parts]

    @cached_property
    def _grams(self) -> Sequence[Tensor]:
        return self._kept() if self._kept else [gram(part) for part in self._parts]

    def first_layer(self, rows: Tensor, out: int) -> tuple[Tensor, Tensor]:
        """W·X (S, out, B) of the first layer, and the parameters after its weights (S, …)."""
        B, inputs = self.flat[0].shape
        saves = inputs > B and (self._kept is not None or 2 * out >= B)
        if not (saves and isinstance(rows, Deferred) and rows.waits_for(self) and rows.total.bases):
            rows = settled(rows)
            return self._product(rows, out), rows[:, out * inputs :]
        total = rows.total
        product = _weighted([(factor, self._product(base, out)) for factor, base in total.bases])
        if total.slope is not None:
            for place, slope, squares in zip(product, total.slope, self._grams, strict=True):
                place.addmm_(slope, squares)
        return product, total.rest

    def _product(self, rows: Tensor, out: int) -> Tensor:
        """W·X of plain rows, computed once a batch."""
        if id(rows) not in self._products:
            product = rows.new_empty(len(rows), out, len(self.flat[0]))
            weights = rows[:, : out * self.flat[0].shape[1]].unflatten(1, (out, -1))
            for place, weight, x in zip(product, weights, self.flat, strict=True):
                torch.mm(weight, x.mT, out=place)
            self._products[id(rows)] = rows, product  # the rows too: their id stays theirs
        return self._products[id(rows)][1]


def gram(x: Tensor) -> Tensor:
    """The products (B, B) of a batch's samples with one another."""
    flat = x.flatten(1)
    return flat @ flat.mT


@dataclass(frozen=True)
class Sum:
    """Σ factor · base, plus slope·Xᵀ in the first layer's weights.

    rest: (S, …) what the parameters after those weights come to.
    """

    bases: list[tuple[float, Tensor]]
    slope: Tensor | None  # (S, out, B)
    rest: Tensor


class Deferred(Tensor):
    """Rows (S, P): a gradient of the batch ``x``, or a sum of rows and of such gradients.

    weights: how many of the P parameters are those of the first layer.
    """

    x: Views
    weights: int
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
        """The sum of the terms, if any waits to be multiplied out; those of the newest batch go on
        waiting, older ones do not."""
        waiting = [t for _, t in terms if isinstance(t, Deferred) and t._dense is None]
        if not waiting:
            return None
        newest = max(waiting, key=lambda each: each.x.number)
        made = Deferred._made(newest.x, newest.weights, newest.shape, newest)
        made._of = [
            (f, t if isinstance(t, Deferred) and t.waits_for(newest.x) else settled(t))
            for f, t in terms
        ]
        return made

    def waits_for(self, x: Views) -> bool:
        """Is it not multiplied out, and of this batch?"""
        return self._dense is None and self.x is x

    @property
    def total(self) -> Sum:
        """What it comes to, each base and the slope there once."""
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
                rows = settled(part)
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
        """Plain rows: multiplied out once, and what this is from then on."""
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
        plain_args, plain_kwargs = tree_map_only(Deferred, settled, (args, kwargs or {}))
        return func(*plain_args, **plain_kwargs)


def settled(rows: Tensor) -> Tensor:
    """Plain rows, multiplied out if they are deferred."""
    return rows.dense if isinstance(rows, Deferred) else rows


def weighted_sum(*terms: tuple[float, Tensor]) -> Tensor:
    """Σ factor · rows, in one pass over memory a term where none of them is deferred."""
    found = Deferred.sum_of(terms)
    return _weighted([(f, settled(rows)) for f, rows in terms]) if found is None else found


def _weighted(terms: Sequence[tuple[float, Tensor]], out: Tensor | None = None) -> Tensor:
    (factor, first), *others = terms
    total = torch.mul(first, factor, out=out)
    for factor, rows in others:
        total.add_(rows, alpha=factor)
    return total


def _terms(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[float, Tensor]] | None:
    """An operation on rows as terms of a sum; None if it is anything else."""
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
