"""Client by client, by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.spec import Cell
from reports.per_client import bootstrap, lines, shares, spread
from tests.reports.conftest import loaded

Fill = Callable[..., Path]


def test_spread_by_hand() -> None:
    accuracies = np.array([[0.5, 1.0, 0.9], [0.7, 1.0, 0.7]])
    sizes = np.array([[10.0, 30.0, 10.0], [10.0, 30.0, 10.0]])
    found = spread(accuracies, sizes)
    assert found.pooled == pytest.approx((88 + 88) / 2)
    assert found.mean == pytest.approx((80 + 80) / 2)
    assert found.worst == pytest.approx((50 + 70) / 2)  # a tenth of three clients is one
    stds = [np.std([50, 100, 90], ddof=1), np.std([70, 100, 70], ddof=1)]
    assert found.std == pytest.approx(np.mean(stds))
    assert spread(np.ones((1, 1)), np.ones((1, 1))).std == 0


def test_the_worst_tenth_of_twenty_clients_is_two() -> None:
    accuracies = np.arange(20.0)[None, ::-1] / 100
    assert spread(accuracies, np.ones((1, 20))).worst == pytest.approx(0.5)


def test_shares_average_seeds_before_they_compare() -> None:
    ours = np.array([[0.9, 0.5, 0.4, 0.7], [0.9, 0.5, 0.6, 0.7]])
    alone = np.array([[0.8, 0.5, 0.5, 0.9], [0.8, 0.5, 0.5, 0.9]])
    found = shares(ours, alone)
    assert (found.better, found.equal, found.worse) == (25.0, 50.0, 25.0)
    assert found.mean == pytest.approx((10 + 0 + 0 - 20) / 4)
    low, high = found.mean_interval
    assert low < found.mean < high


def test_bootstrap_is_of_clients_and_repeats() -> None:
    assert bootstrap(np.full(7, 3.0)) == pytest.approx((3.0, 3.0))
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap(values)
    error = values.std() / 20
    assert (low, high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.02
    )
    assert bootstrap(values) == (low, high)


def test_lines_pair_a_method_with_local_only(tiny: str, fill: Fill) -> None:
    def clients(cell: Cell, seed: int) -> pd.DataFrame:
        base = {"pfml": [0.9, 0.5], "local": [0.8, 0.5]}.get(cell.algorithm, [0.1, 0.1])
        table = pd.DataFrame({"train_size": [3, 9], "test_size": [1, 3], "personal_accuracy": base})
        return table if cell.algorithm != "fedavg" else table.drop(columns="personal_accuracy")

    store = fill(tiny, methods=["pfml", "local", "fedavg"], clients=clients)
    found = {line[:2]: line[2:] for line in lines(loaded(tiny, store))}
    assert found["MNIST, MLR", "PFML (PM)"][:4] == ("60.00", "70.00", "50.00", "28.28")
    better, equal, worse, mean = found["MNIST, MLR", "PFML (PM)"][4:]
    assert (better[:4], equal, worse, mean[:5]) == ("50 %", "50 %", "0 %", "+5.00")
    assert found["MNIST, MLR", "Local-only (PM)"][4:] == ("–",) * 4
    assert not any(label.startswith("FedAvg") for _, label in found)  # it stored no such scores
