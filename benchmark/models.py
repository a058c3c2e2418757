"""The paper's models as ordinary modules, and how they run on stacked flat parameters."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from benchmark.errors import BenchmarkError
from benchmark.spec import Dnn, LeNet5, Mlr

SMALL = 4096
"""Weights below this are copied into their place: a batched product writes straight into a part
of the rows client by client, which costs more than it saves on small ones."""

Backward = Callable[[Tensor], Tensor]
"""Maps the gradient at the logits (S, B, C) to that of the rows (S, P)."""


def build(spec: Mlr | Dnn | LeNet5, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The module of a specification for inputs of this shape (without the batch axis)."""
    features = int(torch.Size(shape).numel())
    match spec:
        case Mlr():
            return nn.Sequential(nn.Flatten(), nn.Linear(features, classes))
        case Dnn(hidden=hidden):
            return nn.Sequential(
                nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes)
            )
        case LeNet5():
            return _lenet5(shape, classes)


def _lenet5(shape: tuple[int, ...], classes: int) -> nn.Module:
    """LeCun et al. 1998 with rectified units and max-pooling, as today's LeNet-5 is used."""
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in (28, 32):
        raise BenchmarkError(f"lenet5: inputs have shape {shape}, allowed: (channels, 28 or 32, …)")
    side = (shape[1] - 12) // 4  # two 5x5 convolutions, each followed by 2x2 pooling
    return nn.Sequential(
        nn.Conv2d(shape[0], 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * side * side, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )


class Network:
    """A module whose parameters live outside it, as flat rows in the order of the module.

    Buffers have no place in a row, nor has a parameter that two layers share: a module with
    either is refused.
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

    def row(self) -> Tensor:
        """The module's own parameters as a row (P,)."""
        return torch.cat([p.detach().flatten() for p in self.module.parameters()])

    def unstack(self, rows: Tensor) -> dict[str, Tensor]:
        """Views of rows (S, P) by parameter name: (S, *shape)."""
        pieces = rows.split([shape.numel() for shape in self.shapes.values()], dim=-1)
        return {
            name: piece.view(*piece.shape[:-1], *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def apply(self, rows: Tensor, x: Tensor) -> Tensor:
        """Logits (S, B, C) of each row on its own batch x (S, B, …), without gradients."""
        with torch.no_grad():
            if self._perceptron:
                return _perceptron(self.unstack(rows), x)[-1].mT
            return self._stacked(self.unstack(rows), x)

    def linearise(self, rows: Tensor, x: Tensor) -> tuple[Tensor, Backward]:
        """Logits (S, B, C) and the map back from their gradient to that of the rows."""
        if self._perceptron:
            with torch.no_grad():
                return self._linearise_perceptron(rows, x)
        leaves = {name: p.detach().requires_grad_() for name, p in self.unstack(rows).items()}
        logits = self._stacked(leaves, x)

        def backward(at_logits: Tensor) -> Tensor:
            grads = torch.autograd.grad(logits, list(leaves.values()), at_logits, retain_graph=True)
            return torch.cat([g.reshape(len(rows), -1) for g in grads], dim=1)

        return logits.detach(), backward

    def _stacked(self, params: dict[str, Tensor], x: Tensor) -> Tensor:
        def one(named: dict[str, Tensor], inputs: Tensor) -> Tensor:
            logits: Tensor = functional_call(self.module, named, (inputs,))
            return logits

        stacked: Tensor = vmap(one)(params, x)
        return stacked

    def _linearise_perceptron(self, rows: Tensor, x: Tensor) -> tuple[Tensor, Backward]:
        params = self.unstack(rows)
        *inputs, logits = _perceptron(params, x)

        def backward(at_logits: Tensor) -> Tensor:
            into = self.unstack(grad := torch.empty_like(rows))
            names = list(self.shapes)
            at_output = at_logits.mT
            for layer in reversed(range(len(inputs))):
                weight, bias, h = names[2 * layer], names[2 * layer + 1], inputs[layer]
                if into[weight][0].numel() < SMALL:
                    into[weight].copy_(torch.bmm(at_output, h.mT))
                else:
                    torch.bmm(at_output, h.mT, out=into[weight])
                torch.sum(at_output, 2, out=into[bias])
                if layer > 0:
                    at_output = torch.bmm(params[weight].mT, at_output) * (h > 0)
            return grad

        return logits.mT, backward


def _is_perceptron(module: nn.Module) -> bool:
    """Linear layers with biases of their own, rectified units between them, nothing else?"""
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


def _perceptron(params: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """The input of every linear layer, then the logits, features first: (S, features, B) each.

    Features first, because softmax over ten neighbours in memory is ten times slower than over
    ten rows, and a product with ten columns slower than one with ten rows.
    """
    layers = list(params.values())
    outputs = [x.flatten(2).mT]
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        if len(outputs) > 1:
            outputs[-1].relu_()
        outputs.append(torch.baddbmm(bias[:, :, None], weight, outputs[-1]))
    return outputs
