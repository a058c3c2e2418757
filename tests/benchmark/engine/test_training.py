"""Histories compared, number by number, with scores recomputed one client at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.engine.methods import Method, load_method
from benchmark.engine.recorder import Result
from benchmark.engine.training import Problem, run
from benchmark.jobs.data import Source, arrays_of, partition_of
from benchmark.spec import Cell
from datasets import Arrays, Partition, scale
from tests.benchmark.cases import cell

SEEDS = (3, 8)
ROUNDS, CLIENTS = 5, 4
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hyper:
    """None."""


class State(NamedTuple):
    w: Tensor
    table: Tensor


class Hidden(NamedTuple):
    table: Tensor


def step(models: Tensor) -> Tensor:
    """A made-up round: it rotates a model's parameters and adds some noise."""
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=models.shape[1]))
    return models.roll(1, dims=1) * 0.9 + 0.3 * noise.to(models.dtype)


def start(w: Tensor) -> Tensor:
    """Personal models (R·N, P), all different within a replica."""
    noise = np.random.default_rng(2).normal(size=(CLIENTS, w.shape[1]))
    return w.repeat_interleave(CLIENTS, 0) + torch.from_numpy(noise).to(w.dtype).repeat(len(w), 1)


def known(*, w: bool = True, personal: bool = True) -> Method:
    """A method whose models after any number of rounds are known beforehand."""

    def init(initial: Tensor, everyone: Any, hyper: Any) -> State:
        return State(initial, start(initial))

    def train_round(state: Any, cohort: Any, hyper: Any) -> State:
        return State(step(state.w), step(state.table))

    def personal_models(state: Any, everyone: Any, hyper: Any) -> Tensor | None:
        return state.table if personal else None

    full = Method(
        "known", Path("known.py"), "", "", Hyper, State, init, train_round, personal_models
    )
    if w:
        return full
    return replace(
        full,
        State=Hidden,
        init=lambda *given: Hidden(init(*given).table),
        train_round=lambda state, *_: Hidden(step(state.table)),
    )


@cache
def material(seed: int = 0) -> tuple[Arrays, NDArray[np.float32], Partition]:
    words = cell()
    arrays = arrays_of(words.data, Source())
    return arrays, scale(arrays.x, "unit"), partition_of(words.partition, arrays, seed)


def words(changes: Mapping[str, Any] | None = None) -> Cell:
    return cell({"rounds": ROUNDS, "batch_size": 5, **(changes or {})})


def trained(of: Cell, method: Method, seeds: tuple[int, ...] = SEEDS) -> list[Result]:
    arrays, x, partition = material()
    return run(of, method, Problem.of(of, arrays, x, partition, seeds, torch.device("cpu")))


@cache
def initial(seed: int) -> Tensor:
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def scores(row: Tensor, part: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Hits and losses of a linear model on each sample of a part, in float64."""
    arrays, x, _ = material()
    W, b = row.double().numpy()[:640].reshape(10, 64), row.double().numpy()[640:]
    logits = x[part].reshape(-1, 64).astype(np.float64) @ W.T + b
    logits -= logits.max(axis=1, keepdims=True)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    y = arrays.y[part]
    return (log_probs.argmax(axis=1) == y).astype(np.float64), -log_probs[np.arange(len(y)), y]


def expected(of: Cell, replica: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History and clients of the known method, recomputed from the meaning of a cell's fields."""
    partition = material()[2]
    w = torch.stack([initial(seed) for seed in SEEDS])
    table, clients = start(w), pd.DataFrame()
    rows: list[dict[str, float]] = []
    for round_ in range(of.rounds):
        before, w, table = w, step(w), step(table)
        if (round_ + 1) % of.evaluate_every and round_ + 1 < of.rounds:
            continue
        loss_due = len(rows) % of.train_loss_every == 0 or round_ + 1 == of.rounds
        row: dict[str, float] = {"round": round_}
        each: dict[str, list[float]] = {}
        globally = (before if of.global_scored == "before" else w)[replica]
        own = table[replica * CLIENTS : (replica + 1) * CLIENTS]
        for which, models in (("global", [globally] * CLIENTS), ("personal", list(own))):
            for split, parts in (("", partition.test), ("train_", partition.train)):
                both = [scores(m, part) for m, part in zip(models, parts, strict=True)]
                for name, values in zip(("accuracy", "loss"), zip(*both, strict=True), strict=True):
                    column = f"{which}_{split}{name}"
                    if column.endswith("train_accuracy"):
                        continue
                    due = split == "" or loss_due
                    row[column] = np.concatenate(values).mean() if due else np.nan
                    each[column] = [value.mean() for value in values]
        rows.append(row)
        clients = pd.DataFrame(each)
    return pd.DataFrame(rows), clients


def assert_columns(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert set(found) == set(wanted)
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=2e-6, err_msg=name)


@pytest.mark.parametrize(
    ("evaluate_every", "train_loss_every"), [(1, 1), (1, 2), (1, 9), (2, 1), (2, 2), (3, 1), (5, 1)]
)
@pytest.mark.parametrize("global_scored", ["before", "after"])
def test_every_column_is_what_it_says(
    global_scored: str, evaluate_every: int, train_loss_every: int
) -> None:
    of = words(
        {
            "global_scored": global_scored,
            "evaluate_every": evaluate_every,
            "train_loss_every": train_loss_every,
        }
    )
    partition = material()[2]
    for replica, result in enumerate(trained(of, known())):
        history, clients = expected(of, replica)
        assert_columns(result.history.drop(columns="seconds"), history)
        assert history["round"].iloc[-1] == ROUNDS - 1
        assert result.history.iloc[-1].notna().all()
        clients = clients.assign(
            client=range(CLIENTS),
            train_size=[len(part) for part in partition.train],
            test_size=[len(part) for part in partition.test],
        )
        assert_columns(result.clients, clients)
        assert result.parameters == 650


def test_pooled_scores_are_means_over_samples_not_over_clients() -> None:
    arrays, x, _ = material()
    parts = [np.arange(a, b) for a, b in ((0, 9), (9, 20), (20, 21), (21, 400))]
    partition = Partition(tuple(parts), tuple(part + 400 for part in parts))
    of = words({"rounds": 1})
    (result,) = run(of, known(), Problem.of(of, arrays, x, partition, (3,), torch.device("cpu")))
    for which in ("global", "personal"):
        for column, size in (("accuracy", "test"), ("loss", "test"), ("train_loss", "train")):
            own, weights = result.clients[f"{which}_{column}"], result.clients[f"{size}_size"]
            pooled = float(result.history[f"{which}_{column}"].iloc[0])
            assert pooled == pytest.approx(np.average(own, weights=weights))
            assert pooled != pytest.approx(own.mean(), rel=1e-3)


@pytest.mark.parametrize(("w", "personal"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("global_scored", ["before", "after"])
def test_models_that_a_method_does_not_have_have_no_columns(
    global_scored: str, w: bool, personal: bool
) -> None:
    of = words({"global_scored": global_scored})
    columns = ("accuracy", "loss", "train_loss")
    there = [which for which, has in (("global", w), ("personal", personal)) if has]
    scored = {f"{which}_{column}" for which in there for column in columns}
    for replica, result in enumerate(trained(of, known(w=w, personal=personal))):
        assert set(result.history) == {"round", "seconds"} | scored
        assert set(result.clients) == {"client", "train_size", "test_size"} | scored
        history, _ = expected(of, replica)
        for name in scored:
            np.testing.assert_allclose(result.history[name], history[name], rtol=2e-6)


@pytest.mark.parametrize(
    ("model", "build"),
    [
        ({"name": "mlr"}, lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10))),
        (
            {"name": "dnn", "hidden": 7},
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 7), nn.ReLU(), nn.Linear(7, 10)),
        ),
    ],
    ids=["mlr", "dnn"],
)
def test_a_seeds_initial_model_is_the_module_built_after_seeding_torch(
    model: dict[str, Any], build: Any
) -> None:
    arrays, x, partition = material()
    of = words({"model": model})
    problem = Problem.of(of, arrays, x, partition, SEEDS, torch.device("cpu"))
    for seed, row in zip(SEEDS, problem.w, strict=True):
        torch.manual_seed(seed)
        parameters = [p.detach().flatten() for p in build().parameters()]
        assert torch.equal(row, torch.cat(parameters))


def test_the_global_model_scored_before_the_first_round_is_the_initial_one() -> None:
    of = words({"global_scored": "before", "rounds": 1})
    test = np.concatenate(material()[2].test)
    for name in ("fedavg", "pfedme", "pfml", "perfedavg"):
        for seed, result in zip(SEEDS, trained(of, load_method(name)), strict=True):
            hits, losses = scores(initial(seed), test)
            assert result.history["global_accuracy"].iloc[0] == pytest.approx(hits.mean())
            assert result.history["global_loss"].iloc[0] == pytest.approx(losses.mean())


def test_progress_is_told_every_evaluated_round_with_means_over_seeds() -> None:
    of = words({"evaluate_every": 2, "train_loss_every": 2})
    arrays, x, partition = material()
    problem = Problem.of(of, arrays, x, partition, SEEDS, torch.device("cpu"))
    told: list[tuple[int, Mapping[str, float]]] = []
    results = run(of, known(), problem, lambda round_, latest: told.append((round_, latest())))
    assert [round_ for round_, _ in told] == [1, 3, 4]
    for place, (_, latest) in enumerate(told):
        for name in ("global_accuracy", "personal_loss"):
            values = [result.history[name].iloc[place] for result in results]
            assert latest[name] == pytest.approx(np.mean(values))
    train = [result.history["global_train_loss"].iloc[0] for result in results]
    assert told[1][1]["global_train_loss"] == pytest.approx(np.mean(train))


def test_time_goes_on_within_a_run() -> None:
    seconds = trained(words(), known())[0].history["seconds"]
    assert seconds.iloc[0] >= 0
    assert seconds.is_monotonic_increasing


@pytest.mark.parametrize("algorithm", ["pfml", "fedavg"])
def test_seeds_in_one_program_on_a_cpu_are_their_own_programs_bit_for_bit(algorithm: str) -> None:
    of, method = words({"algorithm": algorithm}), load_method(algorithm)
    for seed, together in zip(SEEDS, trained(of, method), strict=True):
        (alone,) = trained(of, method, (seed,))
        pd.testing.assert_frame_equal(
            together.history.drop(columns="seconds"), alone.history.drop(columns="seconds"),
            check_exact=True,
        )  # fmt: skip
