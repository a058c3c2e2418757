"""Scores of global and personalised models on every client's data."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.engine.blocks import Blocks
from benchmark.engine.models import Network

CHUNK = {"cpu": 16, "cuda": 512}  # blocks per chunk; on a CPU a chunk fits the cache


class Scores(NamedTuple):
    """Sums over each client's samples, per replica. Pooled scores add them up over clients."""

    correct: Tensor | None
    """(R, N) float64 numbers of correct predictions. None: only the loss was asked for."""
    loss: Tensor
    """(R, N) float64 sums of the cross-entropy in nats."""


def score_globals(network: Network, w: Tensor, blocks: Blocks, *, accuracy: bool) -> Scores:
    """Score every replica's global model (R, P) on every client's data."""

    def logits(replica: int, chunk: slice) -> Tensor:
        return network.apply(w[replica, None], blocks.x[chunk].flatten(0, 1)[None])

    return _score(logits, len(w), blocks, accuracy)


def score_personal(network: Network, table: Tensor, blocks: Blocks, *, accuracy: bool) -> Scores:
    """Score every client's model (R·N, P) on its own data, or on shared data."""
    models = table.view(-1, len(blocks.size), table.shape[1])
    if blocks.shared:
        return _score_on_shared(network, models, blocks, accuracy)

    def logits(replica: int, chunk: slice) -> Tensor:
        return network.apply(models[replica], blocks.x[chunk], blocks.owner[chunk])

    return _score(logits, len(models), blocks, accuracy)


def _score_on_shared(network: Network, models: Tensor, blocks: Blocks, accuracy: bool) -> Scores:
    """Score every client's model (R, N, P) on the same samples, one client after another."""
    each = [score_globals(network, own, blocks, accuracy=accuracy) for own in models.unbind(1)]
    hits = (
        torch.stack([s.correct[:, 0] for s in each if s.correct is not None], 1)
        if accuracy
        else None
    )
    return Scores(hits, torch.stack([s.loss[:, 0] for s in each], 1))


def _score(
    logits_of: Callable[[int, slice], Tensor], replicas: int, blocks: Blocks, accuracy: bool
) -> Scores:
    """Sum correct predictions and losses per client; logits (S, n, C), S · n samples per chunk."""
    step = CHUNK[blocks.x.device.type]
    hits: list[list[Tensor]] = [[] for _ in range(replicas)]
    losses: list[list[Tensor]] = [[] for _ in range(replicas)]
    for replica in range(replicas):
        for start in range(0, len(blocks.x), step):
            chunk = slice(start, start + step)
            logits, y, mask = logits_of(replica, chunk), blocks.y[chunk], blocks.mask[chunk]
            labels = y.view(logits.shape[:2])
            loss = F.cross_entropy(logits.mT, labels, reduction="none").view_as(y)
            losses[replica].append((loss * mask).sum(1))
            if accuracy:
                hit = _is_best(logits.mT, labels).view_as(y)
                hits[replica].append((hit * mask).sum(1))

    def by_client(parts: list[list[Tensor]]) -> Tensor:
        values = torch.stack([torch.cat(chunks) for chunks in parts])
        return values.to(torch.float64) @ blocks.membership

    return Scores(by_client(hits) if accuracy else None, by_client(losses))


def _is_best(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether the label is the argmax of logits (S, C, n); the first of equal ones.

    Uses two maxima of values, which are many times faster than one with its index. Logits that
    are not numbers are never right.
    """
    C = logits.shape[1]
    rank = torch.arange(C, 0, -1, dtype=logits.dtype, device=logits.device)[:, None]
    first = torch.where(logits >= logits.amax(1, keepdim=True), rank, 0).amax(1)
    return first == C - labels
