"""Plans, and runs performed in this process: paired, repeatable, stacked."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.jobs.data import Source, arrays_of, partition_of
from benchmark.jobs.job import Event, Job
from benchmark.jobs.perform import perform
from benchmark.jobs.plan import Plan, plan
from benchmark.spec import Cell
from benchmark.store import Store
from datasets import DataError, Partition
from tests.benchmark.cases import MINE, cell, complaint, job, settings, tables, trained

FIXED = {"partition.seed": 0}


def planned(store: Store, *cells: Cell, seeds: tuple[int, ...] = (0, 1), **options: Any) -> Plan:
    return plan(cells, seeds, options.pop("methods", {}), store, stack=False, **options)


def wanted(of: Plan) -> list[tuple[str, tuple[int, ...]]]:
    return [(job.cell.algorithm, job.seeds) for job in of.jobs]


def test_an_empty_store_has_everything_to_be_trained(tmp_path: Path) -> None:
    found = planned(Store(tmp_path), cell(), cell({"algorithm": "local"}))
    assert wanted(found) == [("fedavg", (0,)), ("fedavg", (1,)), ("local", (0,)), ("local", (1,))]
    assert (found.finished, found.outdated) == (0, [])


def test_finished_runs_are_skipped_unless_asked_for(tmp_path: Path) -> None:
    store = trained(tmp_path, job(cell(), 1))
    found = planned(store, cell(), seeds=(0, 1, 2))
    assert wanted(found) == [("fedavg", (0,)), ("fedavg", (2,))]
    assert found.finished == 1
    assert planned(store, cell(), seeds=(1,)).jobs == []
    again = planned(store, cell(), seeds=(1,), rerun=True)
    assert (wanted(again), again.finished) == ([("fedavg", (1,))], 0)
    assert len(planned(store, cell({"rounds": 3}), seeds=(1,)).jobs) == 1


def test_seeds_are_stacked_only_where_they_share_a_partition(tmp_path: Path) -> None:
    store = trained(tmp_path, job(cell(FIXED), 1))
    cells, seeds = [cell(), cell(FIXED)], (0, 1, 2)
    stacked = plan(cells, seeds, {}, store, stack=True)
    assert [j.seeds for j in stacked.jobs] == [(0,), (1,), (2,), (0, 2)]
    apart = plan(cells, seeds, {}, store, stack=False)
    assert [j.seeds for j in apart.jobs] == [(0,), (1,), (2,), (0,), (2,)]


def test_changed_code_trains_again_unless_older_runs_are_kept(tmp_path: Path) -> None:
    path, store = tmp_path / "mine_planned.py", Store(tmp_path / "store")
    path.write_text(MINE)
    of, methods = cell({"algorithm": path.stem}), {path.stem: str(path)}
    said = cell({"algorithm": path.stem, "hyper": {"eta": 0.1}})
    for each in (of, said):
        (job_,) = planned(store, each, seeds=(0,), methods=methods).jobs
        trained(store.root, job_)
    kept = planned(store, of, said, seeds=(0,), methods=methods)
    assert (kept.jobs, kept.finished, kept.outdated) == ([], 2, [])

    path.write_text(MINE + "\n# a remark\n")
    kept = planned(store, of, said, seeds=(0,), methods=methods)
    assert (kept.jobs, kept.finished, kept.outdated) == ([], 2, [])

    path.write_text(MINE.replace("= 0.1", "= 0.2"))
    again = planned(store, of, said, seeds=(0,), methods=methods)
    assert [j.cell for j in again.jobs] == [of, said]
    assert (again.finished, again.outdated) == (0, [path.stem])
    kept = planned(store, of, said, seeds=(0,), methods=methods, keep_older=True)
    assert [j.cell for j in kept.jobs] == [of]  # its settings would resolve to others
    assert (kept.finished, kept.outdated) == (1, [path.stem])


def test_a_setting_gained_since_stands_at_its_default(tmp_path: Path) -> None:
    path, store = tmp_path / "mine_gaining.py", Store(tmp_path / "store")
    path.write_text(MINE)
    of, methods = cell({"algorithm": path.stem}), {path.stem: str(path)}
    (job_,) = planned(store, of, seeds=(0,), methods=methods).jobs
    trained(store.root, job_)

    gained = MINE.replace("= 0.1", '= 0.1\n    way: str = "old"')
    path.write_text(gained)
    assert planned(store, of, seeds=(0,), methods=methods).finished == 0
    assert planned(store, of, seeds=(0,), methods=methods, keep_older=True).finished == 1
    other = cell({"algorithm": path.stem, "hyper": {"way": "new"}})
    assert planned(store, other, seeds=(0,), methods=methods).finished == 0

    path.write_text(MINE.replace("eta", "step"))  # what the run was made with is gone
    assert planned(store, of, seeds=(0,), methods=methods).finished == 0


def test_wrong_settings_are_found_before_anything_is_trained(tmp_path: Path) -> None:
    bad = cell({"algorithm": "local", "hyper": {"eta": -1}})
    line = complaint(lambda: planned(Store(tmp_path), cell(), bad))
    assert "hyper.eta" in line
    line = complaint(lambda: planned(Store(tmp_path), cell({"hyper": {"lam": 1.0}})))
    assert "fedavg.py: unknown hyper.lam, allowed: " in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "batches"),
    [
        ("fedavg", "fixed_order"),
        ("local", "shuffled_passes"),
        ("perfedavg", "with_replacement"),
        ("pfedme", "shuffled_passes"),
        ("pfml", "with_replacement"),
    ],
)
def test_the_same_run_twice_is_bit_identical(tmp_path: Path, name: str, batches: str) -> None:
    of = cell({"algorithm": name, "batches": batches, "rounds": 3})
    first, second = (tables(trained(tmp_path / k, job(of, 4)), of, 4) for k in "ab")
    for one, other in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_other_seeds_give_other_runs(tmp_path: Path) -> None:
    store = trained(tmp_path, job(cell(FIXED), 0), job(cell(FIXED), 1))
    losses = [tables(store, cell(FIXED), seed)[0]["global_loss"] for seed in (0, 1)]
    assert (losses[0] != losses[1]).all()


@pytest.mark.parametrize("name", ["fedavg", "perfedavg", "pfml"])
def test_stacked_seeds_equal_separate_runs_up_to_float32(tmp_path: Path, name: str) -> None:
    """A batched product may sum in another order: 1e-5 of a loss, two samples of an accuracy."""
    of = cell({"algorithm": name, "rounds": 3, "participation": "sampled", **FIXED})
    seeds = (0, 5, 9)
    together = trained(tmp_path / "stacked", job(of, *seeds))
    apart = trained(tmp_path / "apart", *(job(of, seed) for seed in seeds))
    for seed in seeds:
        run = together.find(of, seed)
        assert run is not None
        assert run.seeds_stacked == 3
        pairs = zip(tables(together, of, seed), tables(apart, of, seed), strict=True)
        for which, (ours, alone) in enumerate(pairs):
            assert list(ours) == list(alone)
            least = 898 if which == 0 else int(alone["test_size"].min())
            for column in ours:
                atol, rtol = (2.1 / least, 0) if str(column).endswith("accuracy") else (0, 1e-5)
                np.testing.assert_allclose(ours[column], alone[column], rtol, atol)


def test_a_run_keeps_what_it_was_made_of(tmp_path: Path) -> None:
    of = cell({"hyper": {"eta": 0.5}})
    store = trained(tmp_path, job(of, 2))
    run = store.find(of, 2)
    assert run is not None
    assert (run.cell, run.seed, run.seeds_stacked, run.parameters) == (of, 2, 1, 650)
    assert {"eta": 0.5, "E": 10, "finetune_steps": 0}.items() <= run.hyper.items()
    assert run.command == "python -m benchmark run tiny"
    assert {"python", "torch", "numpy", "device", "commit"} <= run.environment.keys()
    assert run.wall_seconds > 0
    assert json.dumps(run.partition_summary)


def test_the_partition_a_run_cites_is_in_the_store(tmp_path: Path) -> None:
    store = trained(tmp_path, job(cell(), 2), job(cell({"algorithm": "local"}), 2), job(cell(), 3))
    digests = [run.partition for _, run in store.runs()]
    assert len(set(digests)) == 2  # the two methods of seed 2 share one
    arrays = arrays_of(cell().data, Source())
    for _, run in store.runs():
        kept = Partition.load(tmp_path / "partitions" / f"{run.partition[:16]}.npz")
        made = partition_of(run.cell.partition, arrays, run.seed)
        assert kept.digest == made.digest == run.partition
        assert run.partition_summary == made.summary(arrays.y, arrays.classes)


def test_a_fixed_partition_is_the_same_for_all_seeds_and_that_of_its_seed() -> None:
    arrays = arrays_of(cell().data, Source())
    drawn = [partition_of(cell().partition, arrays, seed).digest for seed in (0, 1)]
    fixed = [partition_of(cell({"partition.seed": 1}).partition, arrays, s).digest for s in (0, 1)]
    assert drawn[0] != drawn[1]
    assert fixed == [drawn[1]] * 2


def test_a_data_set_that_names_no_clients_is_not_shared_out_by_them(tmp_path: Path) -> None:
    given = {"kind": "given", "clients": 4, "train_fraction": 0.5}
    with pytest.raises(DataError, match="digits names no clients"):
        trained(tmp_path, job(cell({"partition": given})))
    data = {"name": "synthetic", "options": {"clients": 3}}
    with pytest.raises(DataError, match=r"partition.clients is 4, but synthetic has 3 clients"):
        trained(tmp_path, job(cell({"partition": given, "data": data})))


def test_the_listener_hears_when_a_job_is_over(tmp_path: Path) -> None:
    heard: list[Event] = []
    jobs = job(cell()), job(cell({"algorithm": "local"}))
    trained(tmp_path, *jobs, listen=heard.append)
    assert [event.job for event in heard if event.finished] == list(jobs)
    assert heard[-1].rounds == jobs[-1].cell.rounds
    assert jobs[0].label == "digits/mlr fedavg seed 0"


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = complaint(lambda: trained(tmp_path / "file" / "store", job(cell())))
    assert str(tmp_path / "file") in line


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in complaint(lambda: trained(tmp_path, job(cell())))


def test_a_job_can_be_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine_performed.py"
    path.write_text(MINE)
    of = cell({"algorithm": path.stem, "rounds": 6, "data.scaling": "unit"})
    perform(Job(of, (0,), str(path)), settings(tmp_path), lambda _: None)
    history, _ = tables(Store(tmp_path), of, 0)
    assert set(history) == {"round", *(f"global_{k}" for k in ("accuracy", "loss", "train_loss"))}
    assert history["global_train_loss"].is_monotonic_decreasing


def test_a_module_beside_a_method_is_part_of_it(tmp_path: Path) -> None:
    """Edited between two jobs of one process, or while a run is interrupted."""
    path, beside = tmp_path / "mine_helped.py", tmp_path / "beside_mine.py"
    imports = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom beside_mine import SIZE\n"
    path.write_text(imports + MINE.replace("cohort.batches(2)", "cohort.batches(SIZE)"))
    of, store = cell({"algorithm": path.stem, **FIXED, "rounds": 6}), Store(tmp_path / "runs")
    losses = []
    for text in ("SIZE = 1", "SIZE = 2 + 3"):
        beside.write_text(text)
        (made,) = planned(store, of, seeds=(0,), methods={path.stem: str(path)}).jobs
        trained(store.root, made)
        losses.append(tables(store, of, 0)[0]["global_train_loss"].iloc[-1])
        assert planned(store, of, seeds=(0,), methods={path.stem: str(path)}).jobs == []
    assert losses[0] > losses[1]
