"""Facts about a model for methods: its head, its classes, and further initial models."""

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.engine.blocks import Blocks
from benchmark.engine.models import Network
from benchmark.engine.streams import stream
from benchmark.errors import BenchmarkError


class Structure:
    """A network's layers in the order in which they run, its classes, and its random starts."""

    def __init__(self, network: Network, train: Blocks) -> None:
        self._network, self._train = network, train
        self._heads: dict[int, Tensor] = {}

    def head(self, layers: int) -> Tensor:
        """(P,): true for the parameters of the last layers, false for all others.

        Raises BenchmarkError unless the logits are the outputs of a linear layer.
        """
        if layers not in self._heads:
            self._heads[layers] = self._found_head(layers)
        return self._heads[layers]

    def _found_head(self, layers: int) -> Tensor:
        outputs, logits = self._ran
        last = next(reversed(outputs), None)
        if type(last) is not nn.Linear or outputs[last] is not logits:
            raise BenchmarkError(
                f"model: its logits are not what its last layer ({type(last).__name__}) gives, "
                "allowed for a head: a Linear whose outputs are the logits"
            )
        if not 0 <= layers <= len(outputs):
            raise BenchmarkError(f"head: {layers} layers, allowed: 0 to {len(outputs)}")
        own = {id(p) for layer in [*outputs][len(outputs) - layers :] for p in layer.parameters()}
        pieces = [
            torch.full((p.numel(),), id(p) in own, device=self._train.x.device)
            for p in self._network.module.parameters()
        ]
        return torch.cat(pieces)

    @cached_property
    def classes(self) -> int:
        """C, the number of logits."""
        return self._ran[1].shape[-1]

    @cached_property
    def counts(self) -> Tensor:
        """(N, C) the number of training samples of each class that each client has."""
        data = self._train
        classes = torch.arange(self.classes, device=data.x.device)
        own = (data.y[:, :, None] == classes) * data.mask[:, :, None]
        return (data.membership.mT @ own.sum(1).to(torch.float64)).to(data.x.dtype)

    @cached_property
    def _ran(self) -> tuple[dict[nn.Module, Any], Tensor]:
        """The layers with parameters in the order of a forward pass, with their outputs; and the
        logits. Tensors on ``meta`` have shapes and no values."""
        outputs: dict[nn.Module, Any] = {}

        def note(layer: nn.Module, _: Any, output: Any) -> None:
            outputs.pop(layer, None)  # a layer that runs twice counts where it ran last
            outputs[layer] = output

        module = self._network.module
        params = {
            name: torch.empty(p.shape, device="meta", dtype=p.dtype)
            for name, p in module.named_parameters()
        }
        dtype = next(iter(params.values())).dtype
        x = torch.empty((1, *self._train.x.shape[2:]), device="meta", dtype=dtype)
        hooks = [m.register_forward_hook(note) for m in module.modules() if _has_own(m)]
        try:
            with torch.no_grad():
                logits: Tensor = functional_call(module, params, (x,))
        finally:
            for hook in hooks:
                hook.remove()
        return outputs, logits

    def start(self, seeds: Sequence[int], k: int) -> Tensor:
        """(R, P): the k-th further initial model of each seed, drawn by the layers themselves."""
        numbers = [int(stream(seed, "start", k).integers(2**63)) for seed in seeds]
        rows = torch.stack([self._redrawn(number) for number in numbers])
        return rows.to(self._train.x.device, self._train.x.dtype)

    def _redrawn(self, seed: int) -> Tensor:
        module = copy.deepcopy(self._network.module)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for name, layer in module.named_modules():
                if not _has_own(layer):
                    continue
                draw = getattr(layer, "reset_parameters", None)
                if draw is None:
                    raise BenchmarkError(
                        f"model: layer {name or 'itself'} ({type(layer).__name__}) has no "
                        "reset_parameters, by which a further start is drawn"
                    )
                draw()
        return torch.cat([p.detach().flatten() for p in module.parameters()])


def _has_own(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters(recurse=False))
