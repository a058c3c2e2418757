"""The same runs in separate processes; one that fails, dies or hangs stops no other."""

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.errors import Interrupted, JobsFailed
from benchmark.jobs.attempt import attempt
from benchmark.jobs.job import Event, Job
from benchmark.jobs.news import News
from benchmark.jobs.pool import run_in_pool
from benchmark.jobs.workers import run_all
from benchmark.store import Store
from benchmark.store.locks import only_one
from tests.benchmark.cases import MINE, cell, complaint, job, settings, tables

INFEASIBLE = {
    "partition": {"kind": "dirichlet", "alpha": 0.1, "clients": 4, "train_fraction": 0.5},
    "partition.min_size": 400,
}


def quiet(_: Event) -> None:
    pass


def failures(call: Callable[[], None]) -> tuple[str, ...]:
    with pytest.raises(JobsFailed) as caught:
        call()
    assert all(line.isprintable() for line in caught.value.lines)
    return caught.value.lines


def mine(tmp_path: Path, before: str, after: str, name: str = "mine_bad", **words: object) -> Job:
    """A job whose method has ``after`` in place of ``before``."""
    path = tmp_path / f"{name}.py"
    path.write_text(MINE.replace(before, after), encoding="utf-8")
    return Job(cell({"algorithm": name, **words}), (0,), str(path))


def test_two_workers_give_the_bits_of_this_process_and_their_news(tmp_path: Path) -> None:
    jobs = [job(cell(), 0), job(cell({"algorithm": "local"}), 1)]
    heard: list[Event] = []
    for workers in (1, 2):
        place = settings(tmp_path / str(workers))
        run_all(jobs, place, workers, heard.append if workers == 2 else quiet)
    for each in jobs:
        one, two = (tables(Store(tmp_path / str(n)), each.cell, *each.seeds) for n in (1, 2))
        for ours, theirs in zip(one, two, strict=True):
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    over = [event.job.label for event in heard if event.finished]
    assert sorted(over) == sorted(each.label for each in jobs)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_fails_is_listed_and_the_others_are_made(tmp_path: Path, workers: int) -> None:
    jobs = [
        job(cell(INFEASIBLE), 7),
        mine(tmp_path, "hyper.eta *", "[][1] *"),
        mine(tmp_path, "State(cohort.mean(rows))", "1 / 0", "mine_zero"),
        job(cell(), 1),
    ]
    lines = failures(lambda: run_all(jobs, settings(tmp_path), workers, quiet))
    assert len(lines) == 3
    infeasible, wrong, zero = sorted(lines)
    assert infeasible.startswith("digits/mlr fedavg seed 7: ")
    assert "mine_bad.py, line 32: train_round: IndexError" in wrong
    assert "ZeroDivisionError" in zero
    assert [run.seed for _, run in Store(tmp_path).runs()] == [1]
    assert multiprocessing.active_children() == []


def test_a_worker_that_ends_is_named_and_its_place_taken(tmp_path: Path) -> None:
    bad = mine(
        tmp_path, "rows = cohort", "import ctypes; ctypes.CDLL(None)._exit(0)\n    rows = cohort"
    )
    jobs = [bad, *(job(cell(), seed) for seed in range(3))]
    (line,) = failures(lambda: run_all(jobs, settings(tmp_path), 2, quiet))
    assert line.startswith("digits/mlr mine_bad seed 0: its process ended by exit code 0")
    assert [run.seed for _, run in Store(tmp_path).runs()] == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_left_to_another_process_is_not_called_made(tmp_path: Path, workers: int) -> None:
    with only_one(Store(tmp_path), cell(), (0,)):
        (line,) = failures(
            lambda: run_all([job(cell(), 0), job(cell(), 1)], settings(tmp_path), workers, quiet)
        )
    assert line == "digits/mlr fedavg seed 0: left to the process that makes it"
    assert [run.seed for _, run in Store(tmp_path).runs()] == [1]


LONG = {"algorithm": "pfml", "rounds": 100_000, "evaluate_every": 100_000}


def saved(root: Path) -> list[Path]:
    return list((root / "checkpoints").rglob("*.checkpoint"))


def test_after_the_time_limit_the_round_is_saved(tmp_path: Path) -> None:
    jobs = [job(cell(LONG), seed) for seed in range(3)]
    with pytest.raises(Interrupted, match="of 100000 is saved"):
        run_all(jobs, settings(tmp_path), 1, quiet, 1.0)
    assert len(saved(tmp_path)) == 1


def test_workers_that_are_stopped_save_and_begin_nothing_else(tmp_path: Path) -> None:
    jobs = [job(cell(LONG), seed) for seed in range(3)]
    often = replace(settings(tmp_path), checkpoint_every=0.0)
    outcomes = run_in_pool(jobs, often, 2, quiet, lambda: bool(saved(tmp_path)))
    assert {outcome.kind for outcome in outcomes} == {"interrupted"}
    assert sum("is saved" in outcome.text for outcome in outcomes) in (1, 2)
    assert outcomes[-1].text.endswith("seed 2 was not begun")
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_listener_that_fails_stops_no_run(tmp_path: Path, workers: int) -> None:
    def broken(_: Event) -> None:
        raise BrokenPipeError

    run_all([job(cell(), seed) for seed in range(3)], settings(tmp_path), workers, broken)
    assert len(list(Store(tmp_path).runs())) == 3


def test_a_listener_that_hangs_holds_nobody_up() -> None:
    def hangs(_: Event) -> None:
        time.sleep(30)

    begun = time.monotonic()
    with suppress(Interrupted), News(hangs) as news:
        for _ in range(5000):
            news.tell(Event(job(cell()), 1, {}))
        raise Interrupted
    assert time.monotonic() - begun < 10


def test_a_command_that_is_no_text_costs_no_run(tmp_path: Path) -> None:
    odd = replace(settings(tmp_path), command="run --store x\udcff")
    run_all([job(cell())], odd, 1, quiet)
    run = Store(tmp_path).find(cell(), 0)
    assert run is not None
    assert run.command == r"run --store x\udcff"


def test_a_store_that_cannot_be_written_is_an_error_before_anything_is_trained(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    place = settings(tmp_path / "file" / "store")
    assert "nothing can be stored" in complaint(lambda: run_all([job(cell())], place, 1, quiet))


def test_too_little_memory_for_a_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = job(cell({"model": {"name": "dnn", "hidden": 1_000_000}, "partition.clients": 4}))

    def none(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.jobs.perform.Problem.of", none)
        outcome = attempt(huge, settings(tmp_path), quiet, lambda: False)
    assert outcome.kind == "failed"
    assert outcome.text.startswith("digits/dnn fedavg seed 0: not enough memory")
    assert not list(Store(tmp_path).runs())


def test_an_error_whose_text_fails_is_still_one_line(tmp_path: Path) -> None:
    text = "class Mute(Exception):\n        def __str__(self): return 1 / 0\n    raise Mute"
    bad = mine(tmp_path, "    rows = cohort", f"    {text}\n    rows = cohort")
    outcome = attempt(bad, settings(tmp_path), quiet, lambda: False)
    assert "train_round: Mute" in outcome.text
    assert os.listdir(tmp_path / "checkpoints")
