"""Settings chosen on validation data: by which number, with equal budgets, blind to the test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.jobs.tuning import Search, accuracy, best, choose
from benchmark.store import Store
from benchmark.store.tuning import find_tuning, place_of_tuning
from tests.benchmark.cases import cell, complaint, record

FIRST = cell()
SETTINGS: tuple[Mapping[str, Any], ...] = ({}, {"eta": 0.1}, {"eta": 0.5}, {"eta": 1.0})


def history(validation: list[float], /, scores: str = "personal", **columns: Any) -> pd.DataFrame:
    n = len(validation)
    plain = {"round": np.arange(n), "seconds": np.linspace(0, 1, n)}
    return pd.DataFrame({**plain, f"{scores}_validation_accuracy": validation, **columns})


def search(reduction: str = "at_best_validation") -> Search:
    return Search("tiny", FIRST, 1000, reduction, SETTINGS)


def stored(root: Path, *histories: pd.DataFrame, lost: int | None = None) -> Store:
    store = Store(root)
    clients = pd.DataFrame({"client": [0], "train_size": [1], "test_size": [1]})
    cells = search().cells
    for number, (of, table) in enumerate(zip(cells, histories, strict=False)):
        run = record(of, 1000, diverged=0 if number == lost else None)
        store.write(run, table, clients)
    return store


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("at_best_validation", 0.9), ("best", 0.9), ("last", 0.6), ("last20", 0.65)],
)
def test_a_trial_counts_as_the_protocol_reduces_it(reduction: str, expected: float) -> None:
    table = history([0.1, 0.9, *[0.7] * 10, *[0.6] * 10])
    assert accuracy(table, "personal", reduction) == pytest.approx(expected)


def test_rounds_that_were_not_validated_do_not_count() -> None:
    table = history([0.2, np.nan, 0.4, np.nan])
    assert accuracy(table, "personal", "last") == 0.4
    assert accuracy(history([np.nan]), "personal", "last") is None


def test_the_best_trial_is_the_first_of_equals_and_a_diverged_one_never_wins() -> None:
    assert best([0.5, 0.7, 0.7, None]) == 1
    assert best([None, 0.0]) == 1
    assert best([None, None]) == 0


def test_the_choice_is_kept_with_every_trial(tmp_path: Path) -> None:
    store = stored(
        tmp_path, *map(history, ([0.5, 0.6], [0.9, 0.7], [0.8, 0.8], [1.0, 1.0])), lost=3
    )
    tuned = choose(search(), store)
    assert [trial.accuracy for trial in tuned.trials] == [0.6, 0.9, 0.8, None]
    assert [trial.hyper for trial in tuned.trials] == [*SETTINGS]
    assert (tuned.chosen, tuned.best.hyper, tuned.scores) == (1, {"eta": 0.1}, "personal")
    assert find_tuning(store, "tiny", FIRST) == tuned
    assert choose(search("last"), store).chosen == 2
    runs = {run.cell.key for _, run in store.runs()}
    assert {trial.key for trial in tuned.trials} == runs


def test_a_method_without_personalised_models_is_tuned_by_its_global_one(tmp_path: Path) -> None:
    store = stored(tmp_path, *(history([score], "global") for score in (0.1, 0.2, 0.9, 0.3)))
    tuned = choose(search(), store)
    assert (tuned.scores, tuned.chosen) == ("global", 2)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.randoms())
def test_test_scores_and_training_losses_do_not_matter(scores: list[float], random: Any) -> None:
    def noisy() -> dict[str, Any]:
        names = ("personal_accuracy", "global_accuracy", "personal_loss", "personal_train_loss")
        return {name: [random.random(), random.random()] for name in names}

    tables = [history([score, score / 2], **noisy()) for score in scores]
    again = [history([score, score / 2]) for score in scores]
    for reduction in ("at_best_validation", "last"):
        assert [accuracy(t, "personal", reduction) for t in tables] == [
            accuracy(t, "personal", reduction) for t in again
        ]


def test_a_missing_trial_and_a_damaged_file_are_told_in_a_line(tmp_path: Path) -> None:
    store = stored(tmp_path, history([0.5]))
    assert not search().is_complete(store)
    assert "trial is missing" in complaint(lambda: choose(search(), store))
    place = place_of_tuning(store, "tiny", FIRST)
    assert find_tuning(store, "tiny", FIRST) is None
    place.parent.mkdir(parents=True)
    place.write_text('{"experiment": "tiny"}')
    assert "not a tuning" in complaint(lambda: find_tuning(store, "tiny", FIRST))
    other = stored(tmp_path / "other", *map(history, [[0.5]] * 4))
    choose(search(), other)
    place.write_bytes(place_of_tuning(other, "tiny", FIRST).read_bytes())
    moved = place_of_tuning(store, "tiny", cell({"rounds": 3}))
    moved.write_bytes(place.read_bytes())
    assert "another tuning" in complaint(lambda: find_tuning(store, "tiny", cell({"rounds": 3})))
