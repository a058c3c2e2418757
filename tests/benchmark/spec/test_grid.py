"""From TOML files to cells: rules, their order, profiles, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from benchmark import places
from benchmark.places import algorithm_names, experiment_names
from benchmark.spec import Where, load_experiment, load_protocol, profile_of
from tests.benchmark.cases import EXPERIMENT, PROTOCOL, Expand, complaint, rule


def test_the_grid_is_a_product_in_its_own_order_each_cell_once(expand: Expand) -> None:
    axes = EXPERIMENT.replace('["mlr"]', '["mlr", "dnn"]').replace("[2]", "[2, 3]")
    found = expand(
        axes
        + rule("model.hidden = 8", 'where.model = ["dnn"]')
        + axes[axes.find("[[grid]]") : axes.find("[[rules]]")]
    )
    assert [(c.model.name, c.algorithm, c.active_clients) for c in found] == [
        (model, algorithm, active)
        for model in ("mlr", "dnn")
        for algorithm in ("fedavg", "local")
        for active in (2, 3)
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Tiny"', 'title = "Other"\ntable = 7\nfigure = "fig9"'),
        ("seeds = 2", "seeds = 9"),
        ('description = "Tiny"', 'description = "Other"'),
        ('reduction = "last"', 'reduction = "best"'),
        ("smoothing = 1", "smoothing = 20"),
    ],
)
def test_labels_and_how_a_history_is_read_change_no_cell(
    expand: Expand, old: str, new: str
) -> None:
    assert old in EXPERIMENT + PROTOCOL
    assert expand(EXPERIMENT.replace(old, new), PROTOCOL.replace(old, new)) == expand()


def test_the_more_specific_wins_protocol_experiment_sweep_profile(expand: Expand) -> None:
    way = PROTOCOL + "rounds = 9\nbatch_size = 9\nhyper = { eta = 0.9, E = 9 }\n"
    (first, *_) = expand(protocol=way)
    assert (first.rounds, first.batch_size) == (4, 32)
    assert first.hyper == {"eta": 0.9, "E": 9}

    own = EXPERIMENT + rule("hyper.eta = 0.5")
    (first, *_) = expand(own, way)
    assert first.hyper == {"eta": 0.5, "E": 9}

    swept = own.replace("[2]\n", "[2]\nhyper.eta = [0.1, 0.2]\n")
    found = expand(swept, way, algorithms=["fedavg"])
    assert [c.hyper for c in found] == [{"eta": 0.1, "E": 9}, {"eta": 0.2, "E": 9}]

    (first, *_) = expand(own, way, "smoke")
    assert (first.rounds, first.evaluate_every) == (2, 1)
    short = EXPERIMENT + "evaluate_every = 1\n"
    (first, *_) = expand(short + rule("evaluate_every = 3"), way, "smoke")
    assert first.evaluate_every == 1


def test_of_two_rules_of_one_file_the_later_wins(expand: Expand) -> None:
    (first, *_) = expand(EXPERIMENT + rule("batch_size = 7") + rule("batch_size = 8"))
    assert first.batch_size == 8


def test_tables_are_merged_and_one_with_a_kind_replaces(expand: Expand) -> None:
    way = PROTOCOL + (
        "data = { options = { alpha = 0.5 }, scaling = 'unit' }\n"
        "partition = { kind = 'dirichlet', alpha = 0.1, clients = 9, train_fraction = 0.9 }\n"
    )
    (first, *_) = expand(EXPERIMENT + rule("data.options.beta = 0.25"), way)
    assert first.data.options == {"alpha": 0.5, "beta": 0.25}
    assert first.data.scaling == "unit"
    assert first.partition.model_dump(exclude_defaults=True) == {
        "kind": "iid",
        "clients": 4,
        "train_fraction": 0.5,
    }
    (first, *_) = expand(EXPERIMENT + rule("partition.clients = 6"), way)
    assert first.partition.kind == "iid"
    assert first.partition.clients == 6


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"dataset": ("mnist",)}, True),
        ({"dataset": ("digits", "mnist")}, True),
        ({"dataset": ("digits",)}, False),
        ({"model": ("mlr",), "active_clients": (5, 10)}, True),
        ({"model": ("mlr",), "active_clients": (5,)}, False),
        ({"algorithm": ("pfml",), "dataset": ("digits",)}, False),
    ],
)
def test_a_rule_is_for_cells_that_meet_every_condition(
    where: dict[str, Any], expected: bool
) -> None:
    point = {"dataset": "mnist", "model": "mlr", "algorithm": "pfml", "active_clients": 10}
    assert Where(**where).matches(point) is expected


def test_rules_change_only_the_cells_they_name(expand: Expand) -> None:
    own = EXPERIMENT + rule("batch_size = 8", 'where.algorithm = ["local"]')
    assert {c.algorithm: c.batch_size for c in expand(own)} == {"fedavg": 32, "local": 8}


def test_a_profile_can_cut_the_grid(expand: Expand) -> None:
    own = EXPERIMENT + 'only.algorithm = ["local"]\n'
    assert [c.algorithm for c in expand(own, profile="smoke")] == ["local"]
    assert len(expand(own)) == 2


def test_a_star_stands_for_every_file_in_the_folder(
    expand: Expand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = EXPERIMENT.replace('["fedavg", "local"]', '["*"]')
    assert [c.algorithm for c in expand(own)] == algorithm_names()
    for name in ("b_two.py", "a_one.py", "_private.py", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.setattr(places, "ALGORITHMS", tmp_path)
    assert [c.algorithm for c in expand(own)] == ["a_one", "b_two"]


def test_methods_named_by_the_caller_replace_the_grids_own(expand: Expand) -> None:
    assert [c.algorithm for c in expand(algorithms=["mine", "pfml"])] == ["mine", "pfml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Tiny"', 'titel = "Tiny"', ["mine.toml: ", "title: Field required"]),
        ('title = "Tiny"', "title = 3", ["mine.toml: title: ", "string"]),
        ('title = "Tiny"', "title = ", ["mine.toml: ", "line 2"]),
        ('title = "Tiny"', "title = 2024-01-01", ["mine.toml: "]),
        ("dataset = [", "datasets = [", ["grid.0", "datasets: unknown key, allowed: ", "dataset"]),
        ('dataset = ["digits"]', 'dataset = "digits"', ["mine.toml: grid.0.dataset: "]),
        ('protocols = ["as_described"]', "protocols = []", ["mine.toml: protocols: "]),
        (
            "active_clients = [2]",
            "active_clients = ['2']",
            ["grid.0.active_clients.0: ", "integer"],
        ),
        ("active_clients = [2]", "active_clients = [5]", ["active_clients is 5", "only 4 clients"]),
        ("rounds = 4", "rouns = 4", ["rouns: unknown key, allowed: ", "rounds"]),
        (
            "[[rules]]",
            "[[rules]]\nwhere.data = ['x']",
            ["rules.0.where.data: unknown key", "dataset"],
        ),
        ("seeds = 2", "seeds = 0", ["profiles.paper.seeds: ", "greater than or equal to 1"]),
        ("seeds = 2", "seeds = true", ["profiles.paper.seeds: ", "integer"]),
        (
            "seeds = 2",
            "seeds = 2\nfast = 1",
            ["profiles.paper.fast: unknown key, allowed: ", "only"],
        ),
        (
            "seeds = 2",
            "seeds = 2\nevaluate_every = 5",
            ["evaluate_every is 5, allowed: 1 to rounds = 4"],
        ),
        (
            "[[rules]]",
            "[[misprints]]\nwhere.model = ['dnn']\nprinted = 3\nwhy = 'so'\n[[rules]]",
            ["mine.toml: misprints.0.where.model: 'dnn' matches nothing, allowed: mlr"],
        ),
        (
            "[[rules]]",
            "[[misprints]]\nprinted = 3\n[[rules]]",
            ["mine.toml: ", "misprints.0.why: Field required"],
        ),
        ("[[grid]]", "extends = 'nope'\n[[grid]]", ["no experiment 'nope', allowed: digits, "]),
        ("[[grid]]", "extends = [3]\n[[grid]]", ["mine.toml: extends: allowed: a name or a path"]),
    ],
)
def test_a_bad_experiment_is_one_line_naming_file_field_and_remedy(
    expand: Expand, old: str, new: str, said: list[str]
) -> None:
    assert old in EXPERIMENT
    line = complaint(lambda: expand(EXPERIMENT.replace(old, new)))
    for part in said:
        assert part in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"last"', '"median"', ["way.toml: reduction: ", "'best', 'last', 'last20' or "]),
        ("smoothing = 1", "smoothing = 0", ["way.toml: smoothing: "]),
        ("smoothing = 1", "smooth = 1", ["way.toml: ", "smoothing: Field required"]),
        ('batches = "fixed_order"', "", ["under way, dataset=digits", "batches: Field required"]),
    ],
)
def test_a_bad_protocol_is_one_line_naming_file_field_and_remedy(
    expand: Expand, old: str, new: str, said: list[str]
) -> None:
    assert old in PROTOCOL
    line = complaint(lambda: expand(protocol=PROTOCOL.replace(old, new)))
    for part in said:
        assert part in line


def test_a_complaint_about_a_cell_names_experiment_protocol_and_place(expand: Expand) -> None:
    line = complaint(lambda: expand(EXPERIMENT + rule("batch_size = 'x'")))
    where = "mine under way, dataset=digits model=mlr algorithm=fedavg active_clients=2: "
    assert line.startswith(where + "batch_size: ")


def test_unknown_names_are_answered_with_those_there_are() -> None:
    line = complaint(lambda: load_experiment("table9"))
    for part in ("'table9'", *experiment_names(), ".toml"):
        assert part in line
    line = complaint(lambda: load_protocol("as_wished"))
    for part in ("'as_wished'", "as_described", "as_run", ".toml"):
        assert part in line
    line = complaint(lambda: profile_of(load_experiment("digits"), "huge"))
    for part in ("digits", "'huge'", "smoke", "quick", "paper"):
        assert part in line
    assert "no experiment" in complaint(lambda: load_experiment("missing.toml"))


def test_a_file_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"title = '\xff'")
    assert "bytes.toml: " in complaint(lambda: load_experiment(str(path)))
