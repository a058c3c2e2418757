"""The same runs in processes of their own."""

import multiprocessing
from pathlib import Path

import pandas as pd
import pytest

from benchmark.jobs.data import Source
from benchmark.jobs.job import Event
from benchmark.jobs.workers import run_all
from benchmark.store import Store
from datasets import DataError
from tests.benchmark.cases import cell, job, settings, tables


def test_two_workers_give_the_bits_of_this_process_and_their_news(tmp_path: Path) -> None:
    jobs = [job(cell(), 0), job(cell({"algorithm": "local"}), 1)]
    heard: list[Event] = []
    for workers in (1, 2):
        place = settings(tmp_path / str(workers))
        run_all(jobs, place, workers, heard.append if workers == 2 else lambda _: None)
    for each in jobs:
        one, two = (tables(Store(tmp_path / str(n)), each.cell, *each.seeds) for n in (1, 2))
        for ours, theirs in zip(one, two, strict=True):
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    over = [event.job.label for event in heard if event.finished]
    assert sorted(over) == sorted(each.label for each in jobs)


def test_an_error_in_a_worker_is_the_users_one_line(tmp_path: Path) -> None:
    mnist = job(cell({"data.name": "mnist"}))
    place = settings(tmp_path / "store", Source(tmp_path))
    with pytest.raises(DataError, match=r"mnist.*--data-root") as caught:
        run_all([mnist], place, 2, lambda _: None)
    assert "\n" not in str(caught.value)
    assert multiprocessing.active_children() == []
    assert list(Store(tmp_path / "store").runs()) == []
