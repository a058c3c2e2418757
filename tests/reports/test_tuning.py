"""The tuning of methods on a page: choices, edges, every trial, and a picture."""

from pathlib import Path

import pytest

from benchmark.spec import load_experiment, load_protocol
from benchmark.spec.tuning import first_trials
from benchmark.store import Store
from benchmark.store.tuning import Trial, Tuned, write_tuning
from reports import load_all, render
from reports.tuning import edges, tuning
from tests.benchmark.cases import cell
from tests.reports.conftest import Fill, loaded

TUNED = """
title = "Tuned"
protocols = ["as_run"]
[[grid]]
dataset = ["digits"]
partition = ["dirichlet_0.5", "iid"]
model = ["mlr"]
algorithm = ["ditto", "local"]
active_clients = [5]
[tuning]
partition = "dirichlet_1.0"
trials = 3
[[rules]]
[rules.set]
rounds = 12
partition = { clients = 10, train_fraction = 0.75 }
[profiles.paper]
seeds = 3
"""
TRIED: tuple[dict[str, float], ...] = ({}, {"eta": 0.5}, {"eta": 0.02})
ACCURACIES = (0.5, 0.75, None)


def outcome(**changes: object) -> Tuned:
    trials = tuple(
        Trial(hyper={**hyper}, key="k", accuracy=accuracy)
        for hyper, accuracy in zip(TRIED, ACCURACIES, strict=True)
    )
    plain = {"experiment": "tuned", "cell": cell({}), "seed": 1000, "scores": "personal"}
    return Tuned.model_validate({**plain, "trials": trials, "chosen": 1, **changes})


@pytest.mark.parametrize(
    ("tried", "chosen", "expected"),
    [
        ([{}, {"eta": 0.5}, {"eta": 0.02}, {"eta": 0.1}], 1, {"eta": "greatest"}),
        ([{}, {"eta": 0.5}, {"eta": 0.02}, {"eta": 0.1}], 2, {"eta": "least"}),
        ([{}, {"eta": 0.5}, {"eta": 0.02}, {"eta": 0.1}], 3, {}),
        ([{}, {"eta": 0.5}, {"eta": 0.02}, {"eta": 0.1}], 0, {}),  # nothing was proposed for it
        ([{}, {"eta": 0.5, "k": 2}, {"eta": 0.6, "k": 2}], 1, {"eta": "least"}),  # k never varied
        ([{}, {"how": "a", "on": True}, {"how": "b", "on": False}], 1, {}),  # these have no ends
    ],
)
def test_an_edge_is_the_least_or_the_greatest_value_proposed(
    tried: list[dict[str, object]], chosen: int, expected: dict[str, str]
) -> None:
    trials = tuple({"hyper": hyper, "key": "k", "accuracy": 0.5} for hyper in tried)
    assert edges(outcome(trials=trials, chosen=chosen)) == expected


@pytest.fixture
def store(tmp_path: Path, fill: Fill) -> Path:
    """Both methods are tuned, and run with the settings that were chosen."""
    path = tmp_path / "tuned.toml"
    path.write_text(TUNED, encoding="utf-8")
    spec = load_experiment(str(path))
    for first in first_trials(spec, load_protocol("as_run"), spec.profiles["paper"]):
        write_tuning(Store(tmp_path / "store"), outcome(cell=first))
    settled = TUNED.replace("[[rules]]", "[[rules]]\nset.hyper.eta = 0.5\n[[rules]]", 1)
    (tmp_path / "settled.toml").write_text(settled, encoding="utf-8")
    return fill(
        str(tmp_path / "settled.toml"),
        methods=["ditto", "local"],
        made=lambda cell, scores: 0.8 if scores == "personal" else None,
        seeds=range(3),
    )


def test_the_page_shows_choices_edges_and_every_trial(store: Path, tmp_path: Path) -> None:
    experiment = str(tmp_path / "tuned.toml")
    (found,) = tuning(loaded(experiment, store), tmp_path / "figures" / "tuned")
    assert (found.title, found.budget) == ("Digits, MLR", "3 trials per method")
    assert found.edges == "2 of 2 methods have a chosen setting at an edge of the search"
    assert found.chosen[0][1:] == ("50.00", "75.00", "η = 0.5", "η (greatest)")
    assert [line[1:] for line in found.trials if line[0] == "Ditto (PM)"] == [
        ("1", "the experiment's own", "50.00", ""),
        ("2", "η = 0.5", "75.00", "chosen"),
        ("3", "η = 0.02", "diverged", ""),
    ]
    written = {p.name for p in render(load_all([experiment], store, "paper"), tmp_path / "out")}
    assert {"tuned-trials.md", "tuned-as_run-tuning-digits-mlr.svg"} <= written
    page = (tmp_path / "out" / "tuned.md").read_text("utf-8")
    assert "[Every trial](tuned-trials.md)" in page
    assert "**Digits, MLR, 3 trials per method.** 2 of 2 methods have a chosen setting" in page
    html = (tmp_path / "out" / "index.html").read_text("utf-8")
    trials = html[html.index("<summary>Every trial</summary>") :]
    assert trials.index("diverged") < trials.index("</details>")


def test_what_was_tuned_and_never_run_is_not_shown(tmp_path: Path, fill: Fill) -> None:
    path = tmp_path / "tuned.toml"
    path.write_text(TUNED, encoding="utf-8")
    spec = load_experiment(str(path))
    for first in first_trials(spec, load_protocol("as_run"), spec.profiles["paper"]):
        write_tuning(Store(tmp_path / "store"), outcome(cell=first))
    assert tuning(loaded(str(path), tmp_path / "store"), tmp_path / "figures") == []
