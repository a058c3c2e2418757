"""Checks of how clients and batches are drawn, on a module that makes federations."""

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.engine.models import Network
from tests.algorithms.federations import PARTS, SIZES, B, Ints, N, weights

PER_PASS = [-(-size // B) for size in SIZES]


def numbered(engine: ModuleType, batches: str, seeds: tuple[int, ...] = (1,), **more: Any) -> Any:
    """A federation whose inputs are the numbers of the samples."""
    number = np.arange(sum(SIZES), dtype=np.int64)
    x = number[:, None].astype(np.float64)
    train = engine.Blocks.of(x, number, PARTS, B, torch.device("cpu"))
    switches = {"participation": "all", "aggregation": "samples", "active_clients": 2} | more
    sampling = engine.Sampling(batches=batches, **switches)
    return engine.Federation(Network(nn.Linear(1, 1)), train, seeds, sampling)


def drawn(of: Any, rounds: int, steps: int) -> list[list[Ints]]:
    """For each client, the samples of its batches, one after another over the rounds."""
    series: list[list[Ints]] = [[] for _ in range(N)]
    for t in range(rounds):
        for batch in of.cohort(t).batches(steps):
            for i in range(N):
                kept = batch.mask[i] == 1
                assert torch.equal(batch.x[i, kept, 0].long(), batch.y[i, kept])
                series[i].append(batch.y[i, kept].numpy())
    return series


def passes(series: list[Ints], length: int) -> list[Ints]:
    """Complete passes over a client's training set in a series of batches."""
    whole = len(series) // length
    return [np.concatenate(series[k * length : (k + 1) * length]) for k in range(whole)]


def check_fixed_order(engine: ModuleType) -> None:
    """Batches repeat the training set in its order and continue where the last round stopped."""
    for part, length, series in zip(
        PARTS, PER_PASS, drawn(numbered(engine, "fixed_order"), 5, 2), strict=True
    ):
        assert len(series) == 10
        for one in passes(series, length):
            np.testing.assert_array_equal(one, part)


def check_shuffled_passes(engine: ModuleType) -> None:
    """Each pass holds every sample once; the order is new in each pass and for each seed."""
    for seed in (1, 2):
        of = numbered(engine, "shuffled_passes", (seed,))
        for part, length, series in zip(PARTS, PER_PASS, drawn(of, 6, 2), strict=True):
            for one in passes(series, length):
                np.testing.assert_array_equal(np.sort(one), part)
            sizes = [len(batch) for batch in series]
            full_but_last = [B] * (length - 1) + [len(part) - B * (length - 1)]
            assert sizes == [full_but_last[k % length] for k in range(len(series))]
    orders = [
        tuple(one)
        for seed in (1, 2)
        for one in passes(drawn(numbered(engine, "shuffled_passes", (seed,)), 6, 2)[2], PER_PASS[2])
    ]
    assert len(set(orders)) == len(orders)


def check_with_replacement(engine: ModuleType) -> None:
    """Batches are full, of the client's own samples, and every sample is drawn at some time."""
    for part, series in zip(PARTS, drawn(numbered(engine, "with_replacement"), 20, 3), strict=True):
        assert {len(batch) for batch in series} == {B}
        assert set(np.concatenate(series)) == set(part)
        assert len({tuple(batch) for batch in series}) > len(series) // 2


def check_batches_do_not_depend_on_who_trains(engine: ModuleType) -> None:
    """A sampled client gets the batch that it would get if all trained."""
    for kind in ("fixed_order", "shuffled_passes", "with_replacement"):
        every, some = (numbered(engine, kind, participation=p) for p in ("all", "sampled"))
        for t in range(4):
            pairs = zip(every.cohort(t).batches(3), some.cohort(t).batches(3), strict=True)
            for whole, part in pairs:
                rows = some.cohort(t).read(whole.y)
                assert torch.equal(rows * part.mask, part.y * part.mask)


def sampled(of: Any, rounds: int) -> list[tuple[int, ...]]:
    """The clients that train, round by round."""
    table = torch.arange(N, dtype=torch.float64)[:, None]
    return [tuple(of.cohort(t).read(table)[:, 0].int().tolist()) for t in range(rounds)]


def check_sampling(engine: ModuleType) -> None:
    """Each round draws the asked number of clients, in order, none twice; in time all are drawn."""
    series = []
    for seed in (1, 2):
        of = numbered(engine, "fixed_order", (seed,), participation="sampled")
        rounds = sampled(of, 40)
        assert rounds == sampled(of, 40)
        for chosen in rounds:
            assert len(chosen) == 2
            assert list(chosen) == sorted(set(chosen))
        assert {client for chosen in rounds for client in chosen} == set(range(N))
        series.append(rounds)
    assert series[0] != series[1]
    assert len(set(series[0])) > 1


def check_mean_weights(engine: ModuleType) -> None:
    """Weights are 0 for clients that do not send and sum to 1, by samples or uniform."""
    for participation in ("all", "sampled"):
        for aggregation in ("samples", "uniform"):
            switches: dict[str, Any] = {"participation": participation, "aggregation": aggregation}
            of = numbered(engine, "fixed_order", **switches)
            senders = sampled(numbered(engine, "fixed_order", participation="sampled"), 1)[0]
            size = [SIZES[i] if aggregation == "samples" else 1 for i in senders]
            expected = torch.zeros(N, dtype=torch.float64)
            expected[list(senders)] = torch.tensor(size, dtype=torch.float64) / sum(size)
            torch.testing.assert_close(weights(of.cohort(0), of), expected)


BATCHES = (
    check_fixed_order,
    check_shuffled_passes,
    check_with_replacement,
    check_batches_do_not_depend_on_who_trains,
    check_sampling,
    check_mean_weights,
)
