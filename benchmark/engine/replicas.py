"""Group the replicas that train together.

On a GPU all replicas train together; on a CPU one after another, because the cache holds only one
replica's batches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmark.engine.cohort import Auxiliary, Federation
from benchmark.engine.methods import Method
from benchmark.engine.snapshot import Snapshot


def constant(round_: int) -> float:
    """The factor 1: step sizes do not change over the rounds."""
    return 1.0


@dataclass
class Group:
    """Replicas that train together, and the method's state of them."""

    method: Method
    hyper: Any
    federation: Federation
    initial: Tensor
    """(R, P) their initial models."""
    prefix: str
    """Prefix of the names of the state's tensors in a snapshot."""
    state: Any = None
    scale: Callable[[int], float] = constant
    """Maps a round to the factor of its step sizes."""

    def train(self, round_: int) -> None:
        """Train one communication round."""
        cohort = self.federation.cohort(round_)
        hyper = self.method.scaled(self.hyper, self.scale(round_))
        self.state = self.method.train_round(self.state, cohort, hyper)

    @property
    def w(self) -> Tensor | None:
        """The global models (R, P), if the method has any."""
        w: Tensor | None = getattr(self.state, "w", None)
        self.method.check_models("State.w", w, self.initial, len(self.initial))
        return w

    def personal(self, round_: int) -> Tensor | None:
        """The personalised models (R·N, P), if the method has any."""
        federation, everyone = self.federation, self.federation.everyone(round_)
        table: Tensor | None = self.method.personal_models(self.state, everyone, self.hyper)
        like = self.initial if federation.auxiliary is None else federation.auxiliary.rows
        self.method.check_models("personal_models", table, like, len(like) * federation.clients)
        return table

    def packed(self) -> dict[str, Tensor]:
        """The state's tensors by name; no other group has the same names."""
        packed = self.method.packed(self.state)
        return {f"{self.prefix}{name}": tensor for name, tensor in packed.items()}

    def unpack(self, snapshot: Snapshot) -> None:
        """Take over the state from a snapshot of all groups.

        Raises BenchmarkError if a tensor of the initial state is missing, or has another shape or
        type.
        """
        for name, like in self.packed().items():
            snapshot.tensor(name, tuple(like.shape), like.dtype)
        named = [name for name in snapshot.tensors if name.startswith(f"{self.prefix}state.")]
        own = {name.removeprefix(self.prefix): snapshot.tensors[name] for name in named}
        self.state = self.method.unpacked(own, self.initial.device)


def all_groups(
    method: Method,
    hyper: Any,
    federation: Federation,
    w: Tensor,
    snapshot: Snapshot | None = None,
    scale: Callable[[int], float] = constant,
) -> list[Group]:
    """Every group of a federation. Replicas start from ``w`` (R, P), or from a snapshot."""
    shares = _shares(federation)
    groups = []
    for number, (share, models) in enumerate(zip(shares, w.tensor_split(len(shares)), strict=True)):
        group = Group(method, hyper, share, models, f"{number}." if number else "", scale=scale)
        group.state = method.init(models, share.everyone(0), hyper)
        if snapshot is not None:
            group.unpack(snapshot)
        groups.append(group)
    return groups


def joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """All groups' models, replica by replica; None if there are none."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if len(there) > 1 else there[0] if there else None


def _shares(federation: Federation) -> list[Federation]:
    if federation.device.type != "cpu" or len(federation.seeds) == 1:
        return [federation]
    own = federation.auxiliary
    return [
        replace(
            federation,
            seeds=(seed,),
            auxiliary=own and Auxiliary(own.network, own.rows[r : r + 1]),
        )
        for r, seed in enumerate(federation.seeds)
    ]
