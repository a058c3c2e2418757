"""The clients and batches that a round is made of."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch

import benchmark.engine.cohort
from benchmark.engine.streams import stream
from tests.algorithms.batch_checks import BATCHES, numbered
from tests.algorithms.federations import PARTS, SIZES, B, N, federation


@pytest.mark.parametrize("check", BATCHES)
def test_drawing_of_clients_and_batches(check: Callable[[ModuleType], None]) -> None:
    check(benchmark.engine.cohort)


def test_everyone_trains_and_sends_whoever_is_sampled() -> None:
    of = numbered(benchmark.engine.cohort, "fixed_order", participation="sampled")
    table = torch.arange(N, dtype=torch.float64)[:, None]
    assert torch.equal(of.everyone(0).read(table), table)
    mean = sum(size * i for i, size in enumerate(SIZES)) / sum(SIZES)
    torch.testing.assert_close(of.everyone(0).mean(table), torch.tensor([[mean]]).double())


def test_blocks_hold_each_sample_once_and_pad_with_zeros() -> None:
    blocks = numbered(benchmark.engine.cohort, "fixed_order").train
    for i, part in enumerate(PARTS):
        own = blocks.owner == i
        kept = blocks.mask[own] == 1
        np.testing.assert_array_equal(blocks.y[own][kept].numpy(), part)
        assert not blocks.x[own][~kept].any()
        assert blocks.count[i] == int(own.sum()) == -(-len(part) // B)


def test_replicas_draw_their_own_clients_and_batches() -> None:
    seeds = (4, 9)
    both = numbered(benchmark.engine.cohort, "with_replacement", seeds, participation="sampled")
    for t in range(3):
        apart = [
            numbered(benchmark.engine.cohort, "with_replacement", (seed,), participation="sampled")
            for seed in seeds
        ]
        for stacked, *alone in zip(
            both.cohort(t).batches(2), *(of.cohort(t).batches(2) for of in apart), strict=True
        ):
            assert torch.equal(stacked.y, torch.cat([batch.y for batch in alone]))


def test_tables_are_read_and_written_replica_by_replica() -> None:
    of = federation(seeds=(4, 9), participation="sampled")
    table = torch.arange(2 * N, dtype=torch.float64)[:, None]
    cohort = of.cohort(1)
    rows = cohort.read(table)
    assert rows.flatten().tolist() == sorted(rows.flatten().tolist())
    assert (rows[:2] < N).all()
    assert (rows[2:] >= N).all()
    written = cohort.write(table, -rows)
    assert torch.equal(written.abs(), table)
    assert int((written < 0).sum()) + int((rows == 0).sum()) == len(rows)


def test_the_global_model_is_spread_to_the_clients_of_its_replica() -> None:
    cohort = federation(seeds=(4, 9), participation="sampled").cohort(0)
    w = torch.tensor([[1.0], [2.0]]).double()
    assert cohort.spread(w).flatten().tolist() == [1, 1, 2, 2]
    torch.testing.assert_close(cohort.mean(cohort.spread(w)), w)


def test_a_stream_depends_on_seed_purpose_and_counters_only() -> None:
    def first(*args: int, seed: int = 1, purpose: str = "batches") -> float:
        return float(stream(seed, purpose, *args).random())

    assert first(2, 3) == first(2, 3)
    others = [first(3, 2), first(2, 4), first(2, 3, seed=2), first(2, 3, purpose="sampling")]
    assert len({first(2, 3), *others}) == 5
