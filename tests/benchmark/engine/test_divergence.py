"""A run whose loss is no longer finite ends there and says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.jobs.job import Event, Job
from benchmark.jobs.perform import perform
from benchmark.jobs.plan import plan
from benchmark.spec import Cell
from benchmark.store import Store
from benchmark.store.status import status_of
from tests.benchmark.cases import MINE, cell, job, settings, tables, trained
from tests.benchmark.stops import FIXED, ROUNDS, gone_on, stopped


def diverging(path: Path, when: int) -> Cell:
    """A method whose model is NaN from a round on, for seed 0."""
    text = MINE.replace("w: Globals\n", "w: Globals\n    done: Globals\n")
    text = text.replace("return State(w)", "return State(w, w.new_zeros(()))")
    lost = f"""
    w, done = cohort.mean(rows), state.done + 1
    if done >= {when}:
        lost = [seed == 0 for seed in cohort._federation.seeds]
        w[lost] = float("nan")
    return State(w, done)"""
    path.write_text(text.replace("\n    return State(cohort.mean(rows))", lost))
    return cell({"algorithm": path.stem, **FIXED})


def test_a_seed_that_diverges_ends_there_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "mine_diverging.py"
    of = diverging(path, 3)
    heard: list[Event] = []
    perform(Job(of, (0, 1), str(path)), settings(tmp_path), heard.append)
    assert heard[-1].note == "diverged: seed 0 at round 2"
    lost, kept = (Store(tmp_path).find(of, seed) for seed in (0, 1))
    assert lost is not None
    assert kept is not None
    assert (lost.diverged, kept.diverged) == (2, None)
    histories = [tables(Store(tmp_path), of, seed)[0] for seed in (0, 1)]
    assert [len(history) for history in histories] == [3, ROUNDS]
    assert not np.isfinite(histories[0]["global_loss"].iloc[-1])
    assert np.isfinite(histories[0]["global_loss"].iloc[:-1]).all()
    assert np.isfinite(histories[1]["global_loss"]).all()
    assert status_of(of, 0, Store(tmp_path)).state == "diverged"
    again = plan([of], (0, 1), {path.stem: str(path)}, Store(tmp_path), stack=False)
    assert (again.jobs, again.finished) == ([], 2)


def test_training_stops_when_every_seed_has_diverged(tmp_path: Path) -> None:
    path = tmp_path / "mine_lost.py"
    of = diverging(path, 2)
    asked: list[int] = []
    listener = asked.append
    perform(
        Job(of, (0,), str(path)),
        replace(settings(tmp_path), checkpoint_every=0.0),
        lambda _: None,
        lambda: bool(listener(0)),
    )
    assert len(asked) == 1  # after the first round only: the second one ended it
    run = Store(tmp_path).find(of, 0)
    assert run is not None
    assert run.diverged == 1


def test_a_step_that_overflows_is_found(tmp_path: Path) -> None:
    of = cell({"hyper": {"eta": 1e38}, **FIXED})
    trained(tmp_path, job(of))
    run = Store(tmp_path).find(of, 0)
    assert run is not None
    assert run.diverged == 0


def test_a_diverged_seed_found_before_a_stop_is_still_known_after_it(tmp_path: Path) -> None:
    path = tmp_path / "mine_stopped.py"
    of = diverging(path, 2)
    both = Job(of, (0, 1), str(path))
    stopped(tmp_path, both, 4)
    gone_on(tmp_path, both)
    lost, kept = (Store(tmp_path).find(of, seed) for seed in (0, 1))
    assert lost is not None
    assert kept is not None
    assert (lost.diverged, kept.diverged) == (1, None)
