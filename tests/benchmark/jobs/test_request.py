"""Which seeds, methods and cells a request names."""

import os

import pytest

from benchmark.jobs.request import Request, experiments_of, seeds_of
from benchmark.jobs.session import shares
from tests.benchmark.cases import complaint


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        (None, [0, 1, 2]),
        ("2", [0, 1]),
        ("7,", [7]),
        ("0,3,4", [0, 3, 4]),
        ("3,3, 1", [3, 1]),
        ("4294967295,", [2**32 - 1]),
    ],
)
def test_seeds_are_a_number_of_them_or_a_list(text: str | None, seeds: list[int]) -> None:
    assert seeds_of(text, 3) == seeds


def test_a_group_stands_for_its_experiments_and_each_is_taken_once() -> None:
    names = [experiment.name for experiment in experiments_of(["table2", "paper", "table2"])]
    assert names[0] == "table2"
    assert len(names) == len(set(names)) == 10


def test_a_request_keeps_to_its_data_sets_and_seeds() -> None:
    request = Request(
        experiments=experiments_of(["table1"]), datasets=("synthetic",), seeds="3,", profile="quick"
    )
    wanted = request.wanted()
    assert {cell.data.name for cell, _ in wanted} == {"synthetic"}
    assert {tuple(seeds) for _, seeds in wanted} == {(3,)}
    other = Request(experiments=experiments_of(["table1"]), datasets=("cifar10",))
    assert complaint(other.wanted) == "--dataset cifar10: allowed here: mnist, synthetic"


def test_cores_are_shared_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert shares(100, 0, "cpu", on_cluster=False) == (8, 1)
    assert shares(2, 0, "cpu", on_cluster=False) == (2, 4)
    assert shares(0, 0, "cpu", on_cluster=False) == (1, 8)
    assert shares(100, 3, "cpu", on_cluster=False) == (3, 2)
    assert shares(100, 16, "cpu", on_cluster=False) == (16, 1)
    assert shares(100, 0, "cuda", on_cluster=False) == (1, 8)
    assert shares(100, 0, "cpu", on_cluster=True) == (8, 1)


def test_settings_need_the_models_that_have_them_named() -> None:
    def asked(*models: str) -> Request:
        experiments = experiments_of(["digits"], ["model.hidden=64"], models=models)
        return Request(experiments=experiments, models=models, profile="smoke")

    assert "hidden: unknown key" in complaint(asked().wanted)
    assert {cell.model.name for cell, _ in asked("dnn").wanted()} == {"dnn"}
