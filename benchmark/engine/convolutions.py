"""Chains of layers on stacked parameters, each layer one batched product, for GPUs.

``vmap`` turns stacked convolutions into grouped ones, which GPU libraries compute more slowly than
products with the windows of the images. The windows of a batch do not depend on the model, so they
are gathered once for all models and steps.
"""

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

PARAMETERLESS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.MaxPool2d, nn.AvgPool2d)
"""Layers without parameters that treat each image separately."""


class Chain:
    """A module that is a chain of layers, a convolution first; see :meth:`takes`."""

    def __init__(self, module: nn.Module) -> None:
        # named_children would leave out a layer that occurs twice.
        self._layers = {name: layer for name, layer in module._modules.items() if layer is not None}
        self._windows = WeakTensorKeyDictionary()  # windows of the batches that are still in use

    @staticmethod
    def takes(module: nn.Module) -> bool:
        """Whether all layers are known here: convolutions first, linear ones once flattened."""
        if type(module) is not nn.Sequential:
            return False
        kinds = [type(layer) for layer in module]
        flat = kinds.index(nn.Flatten) if nn.Flatten in kinds else len(kinds)
        ordered = nn.Linear not in kinds[:flat] and nn.Conv2d not in kinds[flat:]
        return kinds[:1] == [nn.Conv2d] and ordered and all(map(_is_known, module))

    def __call__(self, params: dict[str, Tensor], x: Tensor) -> Tensor:
        """Logits (S, B, C) of images (S, B, …) under parameters (S, …) by name, differentiable
        with respect to the parameters."""
        h = x
        for name, layer in self._layers.items():
            weight, bias = params.get(f"{name}.weight"), params.get(f"{name}.bias")
            if isinstance(layer, nn.Conv2d) and weight is not None:
                seen = self._first_windows(x, layer) if h is x else windows(h, layer)
                shape = [_places(h, layer, axis) for axis in (0, 1)]
                h = torch.matmul(weight.flatten(2)[:, None], seen).unflatten(3, shape)
                h = h if bias is None else h + bias[:, None, :, None, None]
            elif weight is not None:
                product = torch.bmm(h, weight.mT)
                h = product if bias is None else product + bias[:, None]
            else:
                h = layer(h.flatten(0, 1)).unflatten(0, h.shape[:2])
        return h

    def _first_windows(self, x: Tensor, layer: nn.Conv2d) -> Tensor:
        if x not in self._windows:
            self._windows[x] = windows(x, layer)
        seen: Tensor = self._windows[x]
        return seen


def windows(h: Tensor, layer: nn.Conv2d) -> Tensor:
    """(S, B, C·k·k, places): the inputs of each place of the layer's output.

    Uses strided views and one copy; ``torch.nn.functional.unfold`` launches a kernel per image.
    """
    (rows, columns), (down, along) = layer.kernel_size, layer.stride
    views = h.unfold(3, rows, down).unfold(4, columns, along)  # (S, B, C, H', W', k, k)
    copied = views.permute(0, 1, 2, 5, 6, 3, 4).clone(memory_format=torch.contiguous_format)
    return copied.flatten(5).flatten(2, 4)


def _places(h: Tensor, layer: nn.Conv2d, axis: int) -> int:
    return (h.shape[3 + axis] - layer.kernel_size[axis]) // layer.stride[axis] + 1


def _is_known(layer: nn.Module) -> bool:
    if type(layer) is nn.Conv2d:
        plain = (layer.padding, layer.dilation, layer.groups) == ((0, 0), (1, 1), 1)
        return plain and layer.padding_mode == "zeros"
    if type(layer) is nn.Flatten:
        return (layer.start_dim, layer.end_dim) == (1, -1)
    return type(layer) is nn.Linear or type(layer) in PARAMETERLESS
