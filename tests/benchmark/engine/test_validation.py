"""Validation: rounds are chosen on it, and the test data are seen once, at the end."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from benchmark.engine.blocks import Blocks
from benchmark.engine.evaluation import Scores, score_globals, score_personal
from benchmark.engine.methods import load_method
from benchmark.engine.recorder import Recorder
from benchmark.engine.selection import Chosen
from benchmark.engine.snapshot import Snapshot
from benchmark.engine.training import Problem, check, run
from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source, material
from benchmark.places import algorithm_names
from benchmark.spec import Cell
from tests.benchmark.cases import cell

HELD_OUT = {"partition.validation_fraction": 0.3, "rounds": 6, "hyper.eta": 0.05}
SEEDS = (0, 1)
CPU = torch.device("cpu")


def words(**changes: Any) -> Cell:
    return cell(HELD_OUT | {"data.scaling": "unit"} | changes)


def problem(of: Cell) -> Problem:
    data = material(of, 0, Source())
    return Problem.of(of, data.arrays, data.inputs, data.partition, SEEDS, CPU)


def test_the_first_of_the_best_is_kept_replica_by_replica() -> None:
    rows = torch.arange(8.0).view(4, 2)  # two replicas of two models
    kept = Chosen.first(torch.tensor([3.0, 5.0]), rows)
    rows += 100
    kept = kept.or_better(1, torch.tensor([3.0, 6.0]), rows)
    kept = kept.or_better(2, torch.tensor([2.0, 6.0]), rows + 100)
    assert kept.at.tolist() == [0, 1]
    assert kept.correct.tolist() == [3.0, 6.0]
    assert kept.models.tolist() == [[0, 1], [2, 3], [104, 105], [106, 107]]


def test_the_test_columns_hold_the_models_chosen_and_the_last_ones() -> None:
    of = words()
    for result in run(of, load_method("pfedme"), problem(of)):
        history, clients = result.history, result.clients
        for which in ("global", "personal"):
            validation, tested = (history[f"{which}_{k}accuracy"] for k in ("validation_", ""))
            assert validation.notna().all()
            at = int(np.argmax(validation))
            assert np.flatnonzero(tested.notna()).tolist() == sorted({at, len(history) - 1})
            pooled = (clients[f"{which}_accuracy"] * clients["test_size"]).sum()
            assert tested[at] == pytest.approx(pooled / clients["test_size"].sum())
            assert {"validation_size", f"{which}_validation_loss"} <= {*clients}


def test_a_chosen_round_has_the_test_score_that_it_has_when_all_are_tested() -> None:
    """Training does not depend on validation data, so both scores can be compared."""
    of = words()
    whole = problem(of)
    untested = run(of, load_method("pfedme"), whole)
    tested = run(of, load_method("pfedme"), Problem(whole.federation, whole.test, whole.w))
    for ours, theirs in zip(untested, tested, strict=True):
        for column in ("global_accuracy", "global_loss", "personal_accuracy", "personal_loss"):
            rows = ours.history[column].notna()
            expected = theirs.history[column][rows]
            pd.testing.assert_series_equal(ours.history[column][rows], expected)


@pytest.mark.parametrize("algorithm", algorithm_names())
def test_no_method_sees_a_test_sample_before_the_last_round_is_done(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, rounds = words(rounds=3, algorithm=algorithm, hyper={}), []
    whole = problem(of)
    recorded = Recorder.record

    def record(self: Recorder, round_: int, w: Tensor | None, table: Tensor | None) -> None:
        recorded(self, round_, w, table)
        rounds.append(round_)

    def guarded(score: Callable[..., Scores]) -> Callable[..., Scores]:
        def watched(network: Any, models: Tensor, blocks: Blocks, **more: bool) -> Scores:
            assert blocks is not whole.test or rounds == [0, 1, 2]
            return score(network, models, blocks, **more)

        return watched

    monkeypatch.setattr(Recorder, "record", record)
    for name, score in (("score_globals", score_globals), ("score_personal", score_personal)):
        monkeypatch.setattr(f"benchmark.engine.recorder.{name}", guarded(score))
    whole.test.x.fill_(float("nan"))  # whatever read it would spread it
    for result in run(of, load_method(algorithm), whole):
        validation = result.history.filter(like="validation_loss")
        assert not validation.empty
        assert np.isfinite(validation).all(axis=None)


def test_a_resumed_run_chooses_as_one_that_was_not_stopped() -> None:
    of, method = words(), load_method("pfml")
    snapshots: list[Snapshot] = []
    whole = run(of, method, problem(of), keep=lambda take: snapshots.append(take()))
    for snapshot in snapshots[:: len(snapshots) - 1]:
        again = run(of, method, problem(of), resumed=snapshot)
        for ours, theirs in zip(again, whole, strict=True):
            pd.testing.assert_frame_equal(ours.clients, theirs.clients)
            drop = ["seconds"]
            pd.testing.assert_frame_equal(
                ours.history.drop(columns=drop), theirs.history.drop(columns=drop)
            )


@pytest.mark.parametrize("name", ["chosen.global", "chosen_at.personal"])
def test_a_snapshot_without_the_models_chosen_is_refused(name: str) -> None:
    of, method = words(), load_method("pfml")
    snapshots: list[Snapshot] = []
    run(of, method, problem(of), keep=lambda take: snapshots.append(take()))
    tensors = {key: t for key, t in snapshots[2].tensors.items() if key != name}
    with pytest.raises(BenchmarkError, match=f"{name}: missing"):
        check(Snapshot(3, 1.0, tensors), of, method, problem(of))
    tensors[name] = snapshots[2].tensors[name]
    tensors["chosen_at.global"] = torch.tensor([0, 9])
    with pytest.raises(BenchmarkError, match=r"chosen_at.global: .* allowed: 0 to 2"):
        check(Snapshot(3, 1.0, tensors), of, method, problem(of))


def test_all_clients_are_tested_on_one_test_set() -> None:
    of = words(**{"partition.test": "common", "partition.validation_fraction": 0.0})
    whole = problem(of)
    data = material(of, 0, Source())
    copies = Blocks.of(data.inputs, data.arrays.y, [data.partition.test[0]] * 4, 128, CPU)
    network = whole.federation.network
    table = torch.randn(2 * 4, network.parameters)
    for score, models in ((score_globals, table[:2]), (score_personal, table)):
        ours = score(network, models, whole.test, accuracy=True)
        expected = score(network, models, copies, accuracy=True)
        assert ours.correct is not None
        assert expected.correct is not None
        assert torch.equal(ours.correct, expected.correct)
        torch.testing.assert_close(ours.loss, expected.loss)
    for result in run(of, load_method("pfedme"), whole):
        assert (result.clients["test_size"] == len(data.partition.test[0])).all()
        assert result.clients["global_accuracy"].nunique() == 1
        assert result.clients["personal_accuracy"].nunique() > 1
