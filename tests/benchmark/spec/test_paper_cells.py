"""The paper's table and figure as this suite's files state them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import reports
from benchmark.engine.methods import load_method
from benchmark.places import RESULTS
from benchmark.spec import Cell, Dnn, cells, load_experiment, load_protocol, profile_of
from datasets.partitions.given import Given
from datasets.partitions.label_groups import LabelGroups
from datasets.partitions.pfedme_cifar10 import PfedmeCifar10
from datasets.partitions.pfedme_mnist import PfedmeMnist

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))


@cache
def of(experiment: str, protocol: str = "as_run", profile: str = "paper") -> list[Cell]:
    spec = load_experiment(experiment)
    return cells(spec, load_protocol(protocol), profile_of(spec, profile))


def published() -> list[dict[str, Any]]:
    path = RESULTS / "published" / "published_tables.json"
    every: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [row for row in every if row["table"] == 1]


def printed(row: dict[str, Any], protocol: str) -> Cell:
    axes = ("dataset", "model", "algorithm", "active_clients")
    (found,) = [
        cell
        for cell in of("table1", protocol)
        if (cell.data.name, cell.model.name, cell.algorithm, cell.active_clients)
        == tuple(row[axis] for axis in axes)
    ]
    return found


def test_table_1_has_twenty_published_cells() -> None:
    assert len(published()) == 20


@pytest.mark.parametrize("protocol", ["as_run", "as_described"])
@pytest.mark.parametrize("row", published(), ids=lambda row: "-".join(map(str, row.values())))
def test_every_published_cell_is_run_with_its_printed_settings(
    row: dict[str, Any], protocol: str
) -> None:
    cell = printed(row, protocol)
    method = load_method(cell.algorithm).settings(cell.hyper)
    for name in ("lam", "beta"):
        if name in method:
            assert method[name] == row[name]
    assert row["lam"] is None or "lam" in method
    assert (method["E"], method["eta"]) == (10, 0.01)
    assert method.get("K", 3) == 3
    assert (cell.rounds, cell.batch_size, cell.evaluate_every) == (600, 200, 1)
    if isinstance(cell.model, Dnn):
        assert cell.model.hidden == {"mnist": 100, "synthetic": 20}[cell.data.name]


def test_table_1_adds_two_baselines_to_the_papers_methods() -> None:
    points = {(c.data.name, c.model.name, c.algorithm) for c in of("table1")}
    methods = {"fedavg", "pfedme", "pfml", "perfedavg", "local"}
    assert len(of("table1")) == len(points) == 4 * len(methods)
    assert {method for *_, method in points} == methods


@pytest.mark.parametrize("profile", ["smoke", "quick", "paper"])
@pytest.mark.parametrize("protocol", ["as_run", "as_described"])
def test_figure_2_is_read_off_runs_of_table_1(protocol: str, profile: str) -> None:
    table, figure = (of(name, protocol, profile) for name in ("table1", "figure2"))
    assert figure
    assert {c.digest for c in figure} < {c.digest for c in table}


def test_figure_2_has_both_data_sets_with_training_losses_at_every_round() -> None:
    figure = of("figure2")
    assert {(c.data.name, c.model.name) for c in figure} == {("mnist", "mlr"), ("synthetic", "mlr")}
    assert {(c.evaluate_every, c.train_loss_every) for c in figure} == {(1, 1)}


def test_mnist_is_shared_out_by_label_pairs_among_20_clients() -> None:
    described, run = (
        {c.partition for c in of("table1", protocol) if c.data.name == "mnist"}
        for protocol in ("as_described", "as_run")
    )
    assert described == {
        LabelGroups(kind="label_groups", groups=PAIRS, clients=20, train_fraction=0.75, seed=None)
    }
    assert run == {
        PfedmeMnist(kind="pfedme_mnist", train_fraction=0.75, order="as_given", seed=None)
    }


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("as_run", {"train_fraction": 0.9, "order": "as_given"}),
        ("as_described", {"train_fraction": 0.75}),
    ],
)
def test_synthetic_is_split_as_the_protocol_reads_the_paper(
    protocol: str, words: dict[str, Any]
) -> None:
    synthetic = [c for c in of("table1", protocol) if c.data.name == "synthetic"]
    assert {c.partition for c in synthetic} == {
        Given(kind="given", clients=100, seed=None, **words)
    }
    assert all(c.data.options == {"alpha": 0.5, "beta": 0.5} for c in synthetic)


def test_as_described_keeps_what_the_text_says_where_it_decides() -> None:
    for cell in of("table1", "as_described"):
        settings = load_method(cell.algorithm).settings(cell.hyper)
        assert settings.get("scored", "theta") == "theta"
        assert settings.get("mutual", "kl") == "kl"
        assert cell.global_scored == "after"


@pytest.mark.parametrize("table", [1, 2, 3, 4, 5, 6])
def test_as_run_has_one_pfml_and_the_inner_steps_that_pfedmes_authors_print(table: int) -> None:
    printed = {"mnist-mlr": 0.1, "mnist-dnn": 0.05}
    for cell in of(f"table{table}"):
        settings = load_method(cell.algorithm).settings(cell.hyper)
        if cell.algorithm == "pfml":
            assert (settings["inner_start"], settings["outer_gradient"]) == ("carry", "inner")
        if cell.algorithm in ("pfml", "pfedme"):
            assert settings["alpha"] == printed.get(f"{cell.data.name}-{cell.model.name}", 0.01)


@pytest.mark.parametrize("table", [1, 2, 3, 4, 5, 6])
def test_as_run_and_its_base_differ_in_the_outer_step_and_alpha_alone(table: int) -> None:
    name = f"table{table}"
    changed = {"inner_start", "outer_gradient", "alpha"}
    for cell, former in zip(of(name), of(name, "as_run_algorithm1"), strict=True):
        same = {k: v for k, v in cell.hyper.items() if k not in changed}
        assert same == {k: v for k, v in former.hyper.items() if k not in changed}
        assert cell.model_copy(update={"hyper": former.hyper}) == former


def test_smoke_and_quick_need_no_download() -> None:
    for name in ("table1", "figure2", "digits"):
        for profile in ("smoke", "quick"):
            spec = load_experiment(name)
            found = of(name, spec.protocols[0], profile)
            assert {c.data.name for c in found} <= {"synthetic", "digits"}


def test_every_published_number_has_a_cell(tmp_path: Path) -> None:
    """Each of the 86 numbers has a cell of its configuration in the experiments."""
    names = [f"table{n}" for n in range(1, 7)]
    rows = reports.compare(names, tmp_path)
    assert len(rows) == 86
    assert {row["verdict"] for row in rows} == {"not run"}


def test_cifar_10_is_as_the_published_numbers_show() -> None:
    found = of("table2", "as_run")
    assert {c.partition for c in found} == {
        PfedmeCifar10(kind="pfedme_cifar10", train_fraction=0.75, order="stratified", seed=None)
    }
    assert {c.data.scaling for c in found} == {"symmetric"}
    assert {c.model.name for c in found} == {"lenet5"}
    for cell in found:
        if cell.algorithm in ("pfedme", "pfml"):
            settings = load_method(cell.algorithm).settings(cell.hyper)
            assert (settings["lam"], settings["beta"], settings["K"]) == (15.0, 1.0, 3)


def test_figures_share_their_cells_with_the_tables() -> None:
    """Shared cells are trained once."""

    def keys(name: str) -> set[str]:
        return {c.key for c in of(name, "as_run")}

    tables = set.union(*(keys(f"table{n}") for n in range(1, 7)))
    assert keys("figure2") <= tables
    assert keys("figure4") <= tables
    assert {k for k in keys("figure3") if k.startswith("cifar10")} <= tables
    assert len(keys("table3") - keys("table5")) == 2


def test_table_3_puts_a_dnn_beside_a_global_mlr() -> None:
    both = [c for c in of("table3", "as_run") if c.auxiliary is not None]
    assert {c.model.name for c in both} == {"mlr"}
    assert {c.auxiliary for c in both} == {Dnn(name="dnn", hidden=20)}
    assert sorted(c.hyper["lam"] for c in both) == [20.0, 30.0]
