"""Functions of a cohort beyond batches and means."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.contract.protocol import arrays, cell, problem
from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Federation, Sampling
from benchmark.engine.cuda_graphs import Replayed
from benchmark.engine.evaluation import score_globals
from benchmark.engine.methods import load_method
from benchmark.engine.models import Network
from benchmark.engine.training import run
from benchmark.errors import BenchmarkError
from benchmark.spec.cell import Schedule
from tests.algorithms.federations import (
    CLASSES,
    PARTS,
    N,
    close,
    federation,
    initial,
    samples,
    sends,
    trained,
)
from tests.algorithms.replay_checks import taped


def made_of(module: nn.Module) -> Federation:
    x, y = samples()
    train = Blocks.of(x, y, PARTS, 4, torch.device("cpu"))
    return Federation(Network(module.double()), train, (1,), Sampling(2, "all", "samples", "x"))


def test_the_head_is_the_last_layer_that_runs_whatever_the_order_of_names() -> None:
    class HeadFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.body = nn.Linear(5, CLASSES), nn.Linear(16, 5)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.body(x.flatten(1)).relu())
            return logits

    of = made_of(HeadFirst())
    head = of.everyone(0).head()
    assert head.tolist() == [True] * (5 * CLASSES + CLASSES) + [False] * (16 * 5 + 5)
    assert of.everyone(0).head(2).all()
    assert not of.everyone(0).head(0).any()
    with pytest.raises(BenchmarkError, match="head: 3 layers, allowed: 0 to 2"):
        of.everyone(0).head(3)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES), nn.Softmax(1)),
        nn.Sequential(nn.Conv2d(1, CLASSES, 4), nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES), nn.LayerNorm(CLASSES)),
    ],
)
def test_a_model_whose_logits_are_no_linear_layers_outputs_has_no_head(module: nn.Module) -> None:
    with pytest.raises(BenchmarkError, match="allowed for a head: a Linear"):
        made_of(module).everyone(0).head()


def test_counts_are_those_of_the_partition_each_sample_once() -> None:
    of, (_, y) = federation(seeds=(4, 5), participation="sampled"), samples()
    every = torch.from_numpy(np.stack([np.bincount(y[p], minlength=CLASSES) for p in PARTS]))
    assert torch.equal(of.everyone(0).counts, every.double().repeat(2, 1))
    cohort = of.cohort(1)
    assert torch.equal(cohort.counts, cohort.read(every.double().repeat(2, 1)))


def test_those_who_send_are_told_from_those_who_only_train() -> None:
    of = federation(seeds=(4, 5), participation="all")
    for t in range(3):
        cohort = of.cohort(t)
        assert cohort.fraction == 2 / N
        told = cohort.sends.unflatten(0, (2, N))[:, :, 0]
        for replica in range(2):
            expected = [float(i in sends(cohort, of, replica)) for i in range(N)]
            assert told[replica].tolist() == expected
        rows = torch.arange(2 * N).double()[:, None]
        mean = (told * rows.view(2, N)).sum(1, keepdim=True) / 2
        torch.testing.assert_close(cohort.uniform(rows), mean)
    assert of.everyone(0).fraction == 1


def test_rows_are_mixed_within_a_replica_among_those_who_send() -> None:
    of = federation(seeds=(4, 5), participation="all")
    cohort, rng = of.cohort(0), np.random.default_rng(0)
    rows, pairs = torch.from_numpy(rng.random((2 * N, 3))), torch.from_numpy(rng.random((2, N, N)))
    expected = rows.clone()
    for r in range(2):
        for i in sends(cohort, of, r):
            for j in sends(cohort, of, r):
                expected[r * N + i] += pairs[r, i, j] * (rows[r * N + j] - rows[r * N + i])
    torch.testing.assert_close(cohort.mix(pairs, rows), expected)
    own = rows.view(2, N, 3)
    torch.testing.assert_close(cohort.products(rows), own @ own.mT)


def test_further_starts_are_other_models_of_the_seed_alone() -> None:
    both, one = federation("dnn", seeds=(4, 5)), federation("dnn", seeds=(5,))
    before = torch.random.get_rng_state()
    first, second = both.everyone(0).start(1), both.everyone(3).start(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first[1:], one.everyone(0).start(1))
    assert torch.equal(first, both.everyone(2).start(1))
    for other in (second, first.flip(0), both.network.row().expand(2, -1)):
        assert bool((first != other).all())
    bound = 1 / 16**0.5  # torch's own for a layer of 16 inputs
    assert float(first[:, :80].abs().max()) <= bound


def test_draws_are_each_clients_own_whoever_else_trains() -> None:
    every, some = (federation(seeds=(4, 5), participation=p) for p in ("all", "sampled"))
    for t in range(3):
        whole, part = [*every.cohort(t).draws(3)], [*some.cohort(t).draws(3)]
        for ours, theirs in zip(whole, part, strict=True):
            assert torch.equal(some.cohort(t).read(ours), theirs)
        drawn = torch.cat(whole)
        assert len(drawn.unique()) == len(drawn)
        assert bool(((drawn >= 0) & (drawn < 1)).all())


def test_phases_follow_one_another_and_make_up_the_batches() -> None:
    for batches in ("fixed_order", "shuffled_passes", "with_replacement"):
        of = federation(batches=batches)
        first, none, then = of.cohort(2).phases(2, 0, 1)
        parts = [*first, *none, *then]
        for ours, theirs in zip(parts, of.cohort(2).batches(3), strict=True):
            assert torch.equal(ours.y, theirs.y)


@pytest.mark.parametrize("wrong", [50, 52])
def test_rows_of_a_wrong_size_are_refused(wrong: int) -> None:
    of = federation()
    (batch,) = of.cohort(0).batches(1)
    with pytest.raises(BenchmarkError, match=f"rows of {wrong} parameters, allowed: 51"):
        of.cohort(0).grad(torch.zeros(N, wrong).double(), batch)
    with pytest.raises(BenchmarkError, match="3 rows, allowed: 4, one a client"):
        of.cohort(0).grad(torch.zeros(N - 1, 51).double(), batch)


def test_a_method_that_does_not_know_of_epochs_is_refused() -> None:
    of = federation(local_work="epochs")
    with pytest.raises(BenchmarkError, match=r"the method never calls batch\.step"):
        assert list(of.cohort(0).batches(1))
    equal = federation(parts=[np.arange(4), np.arange(4, 8)], local_work="epochs")
    for batch in equal.cohort(0).batches(2):
        assert batch.live is None


def test_a_schedule_changes_step_sizes_and_a_round_of_the_first_has_them_whole() -> None:
    method = load_method("fedavg")
    hyper = method.resolve({"eta": 0.08})
    assert method.scaled(hyper, 1.0) is hyper
    assert method.scaled(hyper, 0.5).eta == 0.04
    pfedme = load_method("pfedme")
    halved = pfedme.scaled(pfedme.resolve({}), 0.5)
    assert (halved.eta, halved.alpha, halved.lam) == (0.005, 0.005, 15.0)


def test_momentum_and_decay_are_torchs_own() -> None:
    of = federation("dnn", parts=[np.arange(4)], active=1)
    w = initial(of)
    ours = trained(
        load_method("local"), {"eta": 0.1, "E": 5, "momentum": 0.9, "decay": 0.01}, of, w, 1
    )
    row = nn.Parameter(w[0].clone())
    optimiser = torch.optim.SGD([row], lr=0.1, momentum=0.9, weight_decay=0.01)
    for batch in of.cohort(0).batches(5):
        row.grad = of.cohort(0).grad(row.detach()[None], batch)[0]
        optimiser.step()
    close({"m": ours["m"]}, {"m": row.detach()[None]}, 1e-12)


def test_a_run_follows_its_schedule() -> None:
    """Its step size is cut tenfold after half of its four rounds."""
    method = load_method("fedavg")
    made_up = problem(method, arrays())
    of = cell(method).model_copy(
        update={"rounds": 4, "schedule": Schedule(factor=0.1, at=(0.5,)), "hyper": {"eta": 0.2}}
    )
    history = run(of, method, made_up)[0].history
    federation_, w = made_up.federation, made_up.w
    state, losses = method.init(w, federation_.everyone(0), method.resolve({})), []
    for t, eta in enumerate((0.2, 0.2, 0.02, 0.02)):
        state = method.train_round(state, federation_.cohort(t), method.resolve({"eta": eta}))
        losses.append(
            score_globals(federation_.network, state.w, made_up.test, accuracy=False).loss
        )
    pooled = torch.cat(losses).sum(1) / made_up.test.size.sum()
    np.testing.assert_allclose(history["global_loss"], pooled, rtol=1e-12)


def test_a_recorded_round_is_recorded_again_when_a_step_size_changes() -> None:
    method, of = load_method("fedavg"), federation("dnn")
    recorded = replace(method, train_round=Replayed(method.train_round, taped))
    states = []
    with patch.object(Network, "takes_views", return_value=False):
        for each in (method, recorded):
            state = each.init(initial(of), of.everyone(0), each.resolve({}))
            for t in range(12):
                hyper = each.resolve({"E": 2, "eta": 0.2 if t < 6 else 0.02})
                state = each.train_round(state, of.cohort(t), hyper)
            states.append(state)
    close(states[0]._asdict(), states[1]._asdict(), 1e-12)
