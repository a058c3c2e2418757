"""Run torch modules on stacked flat parameters."""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from benchmark.engine.convolutions import Chain
from benchmark.engine.deferred import Deferred, Views
from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from benchmark.engine.fused import Fused

SMALL = 4096
"""Number of weights from which a CPU multiplies client by client: a plain product is faster than a
batched one, writes into its destination and reads views of the data. For fewer weights the
overhead of the calls is larger than the gain."""

AT_ONCE = 64
"""Maximum number of models that a GPU evaluates at once if windows of images are gathered, which
take many times the memory of the images."""

Inputs = Tensor | Sequence[Tensor]
"""A batch (S, B, …), or each client's (B, …) as views of the data."""

Backward = Callable[[Tensor], Tensor]
"""Maps the gradient at the logits (S, B, C) to that of the rows (S, P)."""


class Network:
    """A module whose parameters are passed to it as flat rows, in the module's order.

    Raises BenchmarkError for a module with buffers or with a parameter that two layers share:
    neither fits into a row.
    """

    def __init__(self, module: nn.Module) -> None:
        buffers = [name for name, _ in module.named_buffers()]
        if buffers:
            raise BenchmarkError(
                f"model: it has buffers ({', '.join(buffers[:3])}), which no server averages; "
                "replace batch norm by group norm (torch.nn.GroupNorm)"
            )
        names = [name for name, _ in module.named_parameters(remove_duplicate=False)]
        if len(names) > len(list(module.parameters())):
            raise BenchmarkError(
                f"model: layers share parameters (among {', '.join(names[:4])}); "
                "give each layer its own"
            )
        self.module = module
        self.shapes = {name: p.shape for name, p in module.named_parameters()}
        self.parameters = sum(shape.numel() for shape in self.shapes.values())
        self._perceptron = _is_perceptron(module)
        self._chain = Chain(module) if Chain.takes(module) else None
        self._fused = _fused(module) if self._chain else None

    def row(self) -> Tensor:
        """The module's own parameters as a row (P,)."""
        return torch.cat([p.detach().flatten() for p in self.module.parameters()])

    def unstack(self, rows: Tensor, skip: int = 0) -> dict[str, Tensor]:
        """Views of rows (S, P) by parameter name: (S, *shape). skip: number of leading parameters
        that are missing from the rows."""
        shapes = dict([*self.shapes.items()][skip:])
        pieces = rows.split([shape.numel() for shape in shapes.values()], dim=-1)
        return {
            name: piece.view(*piece.shape[:-1], *shape)
            for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
        }

    def takes_views(self, device: torch.device) -> bool:
        """Whether batches are best passed as views, one per client (see :data:`Inputs`)."""
        small = self._perceptron and next(iter(self.shapes.values())).numel() < SMALL
        return device.type == "cpu" and not small

    def convolutions(self, device: torch.device) -> str:
        """The library that computes convolutions on a device: "numba <version>" or "torch"."""
        fused = self._fused is not None and device.type == "cpu"
        return f"numba {version('numba')}" if fused else "torch"

    def apply(self, rows: Tensor, x: Inputs, owner: Tensor | None = None) -> Tensor:
        """Logits (S, B, C), without gradients, of each batch of x under its own row.

        owner: (S,) the row of each batch. None: batch i belongs to row i.
        """
        with torch.no_grad():
            if self._perceptron:
                weight, bias, *later = self.unstack(rows).values()
                first = _linear(weight, bias, _features_first(x), owner)
                return _perceptron(first, later, owner)[-1].mT
            own = rows if owner is None else rows.index_select(0, owner)
            if self._fused is not None and self._fused.fits(x[0]):
                return self._fused.apply(own, x)
            parts = _parts(own, x, AT_ONCE)
            return torch.cat([self._stacked(self.unstack(r), part) for r, part in parts])

    def linearise(self, rows: Tensor, x: Inputs) -> tuple[Tensor, Backward]:
        """Logits (S, B, C) and the map back from their gradient to that of the rows."""
        if self._perceptron:
            with torch.no_grad():
                return self._linearise_perceptron(rows, x)
        if self._fused is not None and self._fused.fits(x[0]):
            with torch.no_grad():
                return self._fused.linearise(rows, x, x.sizes if isinstance(x, Views) else None)
        passes = [self._differentiable(r, part) for r, part in _parts(rows, x)]

        def backward(at_logits: Tensor) -> Tensor:
            slopes = at_logits.split([len(logits) for logits, _ in passes])
            grads = [
                torch.cat([g.reshape(len(slope), -1) for g in _gradients(*one, slope)], dim=1)
                for one, slope in zip(passes, slopes, strict=True)
            ]
            return torch.cat(grads)

        return torch.cat([logits.detach() for logits, _ in passes]), backward

    def _differentiable(self, rows: Tensor, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits and the parameters that they are differentiable in."""
        leaves = {name: p.detach().requires_grad_() for name, p in self.unstack(rows).items()}
        return self._stacked(leaves, x), list(leaves.values())

    def _stacked(self, params: dict[str, Tensor], x: Tensor) -> Tensor:
        def one(named: dict[str, Tensor], inputs: Tensor) -> Tensor:
            logits: Tensor = functional_call(self.module, named, (inputs,))
            return logits

        if len(x) == 1:  # nothing to batch over; a CPU convolves and pools faster channels last
            last = torch.channels_last if x.ndim == 5 else torch.preserve_format
            inputs = x[0].contiguous(memory_format=last)
            return one({name: p[0] for name, p in params.items()}, inputs)[None]
        if self._chain is not None:
            return self._chain(params, x)
        stacked: Tensor = vmap(one)(params, x)
        return stacked

    def _linearise_perceptron(self, rows: Tensor, x: Inputs) -> tuple[Tensor, Backward]:
        names, deferred = list(self.shapes), isinstance(x, Views)
        if isinstance(x, Views):
            product, rest = x.first_layer(rows, self.shapes[names[0]][0])
            params = self.unstack(rest, skip=1)
            features: Inputs = ()
            first = product + params[names[1]][:, :, None]
        else:
            params, features = self.unstack(rows), _features_first(x)
            first = _linear(params[names[0]], params[names[1]], features)
        *hidden, logits = _perceptron(first, [params[name] for name in names[2:]])
        inputs: list[Inputs] = [features, *hidden]

        def backward(at_logits: Tensor) -> Tensor:
            missing = self.shapes[names[0]].numel() if deferred else 0
            grad = at_logits.new_empty(len(rows), self.parameters - missing)
            into = self.unstack(grad, skip=int(deferred))
            at_output = at_logits.mT
            for layer in reversed(range(len(inputs))):
                weight, bias = names[2 * layer : 2 * layer + 2]
                torch.sum(at_output, 2, out=into[bias])
                if weight in into:
                    _weight_gradient(at_output, inputs[layer], into[weight])
                if layer > 0:
                    at_hidden = torch.bmm(params[weight].mT, at_output)
                    at_output = torch.ops.aten.threshold_backward(at_hidden, hidden[layer - 1], 0)
            return Deferred.gradient(x, at_output, grad) if isinstance(x, Views) else grad

        return logits.mT, backward


def _gradients(logits: Tensor, leaves: list[Tensor], at_logits: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(logits, leaves, at_logits, retain_graph=True)


def _parts(rows: Tensor, x: Inputs, most: int | None = None) -> list[tuple[Tensor, Tensor]]:
    """The slices that are computed at once: on a CPU one client each, on a GPU many or all."""
    if isinstance(x, Tensor) and rows.device.type != "cpu":
        size = most or len(rows)
        return list(zip(rows.split(size), x.split(size), strict=True))
    return [(row, own[None]) for row, own in zip(rows.split(1), x, strict=True)]


def _fused(chain: nn.Module) -> "Fused | None":
    """Compiled kernels for a chain of convolutions, if numba is installed and they support it.

    PFL_CONVOLUTIONS=torch disables them; PFL_CONVOLUTIONS=numba requires numba.
    """
    asked = os.environ.get("PFL_CONVOLUTIONS", "")
    if asked not in ("", "numba", "torch"):
        raise BenchmarkError(f"PFL_CONVOLUTIONS: {asked}, allowed: numba, torch")
    if asked == "torch":
        return None
    try:
        from benchmark.engine.fused import Fused  # numba loads slowly
    except ImportError as error:
        if asked:
            raise BenchmarkError(f"PFL_CONVOLUTIONS: numba: {error}") from None
        return None
    return Fused(chain) if Fused.takes(chain) else None


def _is_perceptron(module: nn.Module) -> bool:
    """Whether the module is linear layers with biases and ReLU between them, and nothing else."""
    if type(module) is not nn.Sequential:
        return False
    kinds, linear = [type(layer) for layer in module], list(module)[1::2]
    return (
        kinds[:1] == [nn.Flatten]
        and set(kinds[1::2]) == {nn.Linear}
        and set(kinds[2::2]) <= {nn.ReLU}
        and len(kinds) % 2 == 0
        and all(layer.bias is not None for layer in linear)
    )


def _features_first(x: Inputs) -> Inputs:
    return x.flatten(2).mT if isinstance(x, Tensor) else [own.flatten(1).mT for own in x]


def _perceptron(
    first: Tensor, later: Sequence[Tensor], owner: Tensor | None = None
) -> list[Tensor]:
    """The output of every layer, the logits last, each (S, features, B).

    first: the output of the first layer before ReLU; later: weights and biases of the others.

    Features come before samples, because softmax over ten neighbours in memory is ten times slower
    than over ten rows, and a product with ten columns slower than one with ten rows.
    """
    outputs = [first]
    for weight, bias in zip(later[::2], later[1::2], strict=True):
        outputs.append(_linear(weight, bias, outputs[-1].relu_(), owner))
    return outputs


def _linear(weight: Tensor, bias: Tensor, h: Inputs, owner: Tensor | None = None) -> Tensor:
    """weight (S, out, in) · h (S, in, B) + bias (S, out)."""
    offset = (bias if owner is None else bias.index_select(0, owner))[:, :, None]
    if _client_by_client(weight):
        each = weight.unbind() if owner is None else [weight[i] for i in owner.tolist()]
        out = weight.new_empty(len(each), weight.shape[1], h[0].shape[-1])
        for w, inputs, place in zip(each, h, out, strict=True):
            torch.mm(w, inputs, out=place)
        return out.add_(offset)
    own = weight if owner is None else weight.index_select(0, owner)
    return torch.baddbmm(offset, own, _stack(h))


def _weight_gradient(at_output: Tensor, h: Inputs, out: Tensor) -> None:
    """out (S, out, in) ← at_output (S, out, B) · hᵀ."""
    if _client_by_client(out):
        for slope, inputs, place in zip(at_output, h, out, strict=True):
            torch.mm(slope, inputs.mT, out=place)
    else:
        out.copy_(torch.bmm(at_output, _stack(h).mT))


def _stack(h: Inputs) -> Tensor:
    return h if isinstance(h, Tensor) else torch.stack([*h])


def _client_by_client(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight[0].numel() >= SMALL
