"""Convolutional networks on a CPU: one compiled kernel per stage of convolution, pooling and ReLU.

It is used if numba is installed and :meth:`Fused.takes` accepts the module. Results equal torch's
up to rounding. One model and its batch are computed at a time, because they fit a core's cache.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from benchmark.engine.kernels import LANES, kernels
from benchmark.engine.layouts import Images, features, lanes
from benchmark.engine.stages import Stage, stages

AT_ONCE = 256
"""Images per forward pass without gradients: their intermediate results stay in the cache."""

Parameters = Sequence[Tensor]
"""Weight, bias, weight, bias, … of one model, each in its layer's shape."""

Backward = Callable[[Tensor, Tensor], None]
"""Writes a row's gradient (P,) into the second argument; the first is the gradient at the logits
(classes, B)."""


class Fused:
    """A module of the kind that :meth:`takes` accepts, on stacked flat parameters."""

    def __init__(self, module: nn.Module) -> None:
        convolutions = [each for each in module.children() if isinstance(each, nn.Conv2d)]
        self._filters = tuple((each.out_channels, each.kernel_size[0]) for each in convolutions)
        self._shapes = [p.shape for p in module.parameters()]
        self._images = WeakTensorKeyDictionary()  # layouts of the batches that are still in use

    @staticmethod
    def takes(module: nn.Module) -> bool:
        """Whether the module is unpadded convolutions of stride 1, each followed by 2×2
        max-pooling and ReLU in either order, then flattening and linear layers with ReLU between
        them, all with biases."""
        if type(module) is not nn.Sequential:
            return False
        layers, kinds = list(module), [*map(type, module)]
        flat = kinds.index(nn.Flatten) if nn.Flatten in kinds else 0
        stages, dense = layers[:flat], layers[flat + 1 :]
        return (
            flat > 0
            and flat % 3 == 0
            and all(map(_is_stage, stages[::3], stages[1::3], stages[2::3]))
            and len(dense) % 2 == 1
            and all(type(layer) is nn.Linear and layer.bias is not None for layer in dense[::2])
            and all(type(layer) is nn.ReLU for layer in dense[1::2])
        )

    def fits(self, x: Tensor) -> bool:
        """Whether these images (…, C, height, width) are float32 or float64 on a CPU, and large
        enough for every stage."""
        known = x.dtype in (torch.float32, torch.float64) and x.device.type == "cpu"
        sizes = stages(self._filters, *x.shape[-3:])
        return known and all(stage.rows > 0 and stage.columns > 0 for stage in sizes)

    def apply(self, rows: Tensor, x: Iterable[Tensor]) -> Tensor:
        """Logits (S, B, classes), as constants, of each batch (B, C, height, width) under its row
        (S, P)."""
        return torch.stack(
            [
                torch.cat([self._logits(row, part) for part in own.split(AT_ONCE)], dim=1)
                for row, own in zip(rows, x, strict=True)
            ]
        ).mT

    def linearise(
        self, rows: Tensor, x: Sequence[Tensor] | Tensor, sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Logits as :meth:`apply` has them, and the map back from their gradient to that of the
        rows. A batch's layouts are kept as long as its tensor.

        sizes: number of images of each batch; the rest is padding, whose logits are 0 and whose
        gradients are not read. None: there is no padding.
        """
        real = [len(own) for own in x] if sizes is None else sizes
        passes = [self._pass(*each) for each in zip(rows, x, real, strict=True)]
        logits = rows.new_zeros(len(rows), len(passes[0][0]), len(x[0]))
        for place, (own, _) in zip(logits, passes, strict=True):
            place[:, : own.shape[1]] = own

        def backward(at_logits: Tensor) -> Tensor:
            grads = at_logits.new_empty(rows.shape)
            for (own, back), slope, out in zip(passes, at_logits.mT, grads, strict=True):
                back(slope[:, : own.shape[1]], out)
            return grads

        return logits.mT, backward

    def _logits(self, row: Tensor, x: Tensor) -> Tensor:
        """The logits (classes, B) of one model."""
        convolutions, dense = self._unstack(row)
        h = lanes(x)
        for stage, w, b in self._staged(x, convolutions):
            h, _ = _forward(stage, h, w, b)
        return _dense(features(h, len(x)), dense)[-1]

    def _pass(self, row: Tensor, x: Tensor, size: int) -> tuple[Tensor, Backward]:
        """Logits (classes, size) of the first ``size`` images, and the map of their gradient."""
        if x not in self._images:
            self._images[x] = Images(lanes(x[:size]), size, x.shape[1])
        convolutions, dense = self._unstack(row)
        images = self._images[x]
        done: list[tuple[Stage, Images, Tensor, Tensor]] = []
        for stage, w, b in self._staged(x, convolutions):
            h, winner = _forward(stage, images.lanes, w, b)
            done.append((stage, images, winner, w))
            images = Images(h, size, stage.filters)
        outputs = _dense(features(images.lanes, size), dense)

        def backward(at_logits: Tensor, out: Tensor) -> None:
            into, into_dense = self._unstack(out)
            slope = _dense_backward(outputs, dense, at_logits, into_dense)
            slope = slope.unflatten(0, (done[-1][0].filters, -1)).permute(2, 1, 0).flatten(1)
            for one, dw, db in reversed([*zip(done, into[::2], into[1::2], strict=True)]):
                slope = _backward(*one, slope, dw, db)

        return outputs[-1], backward

    def _unstack(self, row: Tensor) -> tuple[Parameters, Parameters]:
        """The parameters of the convolutions and of the linear layers: views of a row."""
        pieces = row.split([shape.numel() for shape in self._shapes])
        views = [piece.view(shape) for piece, shape in zip(pieces, self._shapes, strict=True)]
        return views[: 2 * len(self._filters)], views[2 * len(self._filters) :]

    def _staged(
        self, x: Tensor, convolutions: Parameters
    ) -> Iterable[tuple[Stage, Tensor, Tensor]]:
        """Each stage with its weights and biases, for images (B, C, height, width)."""
        sizes = stages(self._filters, *x.shape[1:])
        return zip(sizes, convolutions[::2], convolutions[1::2], strict=True)


def _is_stage(convolution: nn.Module, second: nn.Module, third: nn.Module) -> bool:
    pool, relu = (third, second) if type(second) is nn.ReLU else (second, third)
    return (
        type(convolution) is nn.Conv2d
        and convolution.bias is not None
        and convolution.kernel_size[0] == convolution.kernel_size[1]
        and (convolution.stride, convolution.dilation) == ((1, 1), (1, 1))
        and (convolution.padding, convolution.groups) == ((0, 0), 1)
        and type(relu) is nn.ReLU
        and type(pool) is nn.MaxPool2d
        and pool.kernel_size in (2, (2, 2))
        and pool.stride in (2, (2, 2))
        and (pool.padding, pool.dilation) in ((0, 1), ((0, 0), (1, 1)))
        and not (pool.ceil_mode or pool.return_indices)
    )


def _forward(stage: Stage, x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """A stage's output and every window's winner, from its images; all as lanes."""
    out = x.new_empty(len(x), stage.filters * stage.rows * stage.columns * LANES)
    winner = torch.empty_like(out, dtype=torch.uint8)
    arrays = (x, w.flatten(1), b, out, winner)
    kernels(stage).forward(*(array.numpy() for array in arrays))
    return out, winner


def _backward(
    stage: Stage, x: Images, winner: Tensor, w: Tensor, slope: Tensor, dw: Tensor, db: Tensor
) -> Tensor:
    """Writes the gradients of weights and biases; returns that at x (pixels), where it is asked
    for, from that at the output (B, P·O)."""
    filters, total = (w.new_zeros(len(w), stage.kernel, stage.run) for _ in range(2))
    used = slice(stage.kernel * stage.channels)
    by_row = (stage.kernel, stage.channels)
    filters[:, :, used].unflatten(2, by_row).copy_(w.permute(0, 2, 3, 1))
    dx = w.new_empty(x.count, 0) if stage.first else torch.empty_like(x.pixels)
    arrays = (slope, winner, x.pixels, filters.flatten(1), total.flatten(1), db.zero_(), dx)
    kernels(stage).backward(*(array.numpy() for array in arrays))
    dw.copy_(total[:, :, used].unflatten(2, by_row).permute(0, 3, 1, 2))
    return dx


def _dense(h: Tensor, parameters: Parameters) -> list[Tensor]:
    """The inputs (features, B) of every linear layer, then the logits."""
    outputs = [h]
    for w, b in zip(parameters[::2], parameters[1::2], strict=True):
        if len(outputs) > 1:
            outputs[-1].relu_()
        outputs.append(torch.addmm(b[:, None], w, outputs[-1]))
    return outputs


def _dense_backward(
    outputs: Sequence[Tensor], parameters: Parameters, slope: Tensor, grads: Parameters
) -> Tensor:
    """Writes the gradients of all linear layers; returns that at the first one's input."""
    for layer in reversed(range(len(outputs) - 1)):
        torch.sum(slope, 1, out=grads[2 * layer + 1])
        torch.mm(slope, outputs[layer].mT, out=grads[2 * layer])
        slope = torch.mm(parameters[2 * layer].mT, slope)
        if layer > 0:
            slope = torch.ops.aten.threshold_backward(slope, outputs[layer], 0)
    return slope
