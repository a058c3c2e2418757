"""Damaged or half-stored runs, and leftovers of killed processes, are repaired, and only they."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.jobs.perform import perform
from benchmark.jobs.plan import plan
from benchmark.store import Store
from benchmark.store.locks import folder_of, is_locked, lock_path, only_one
from benchmark.store.status import status_of
from datasets.files import litter
from tests.benchmark.cases import cell, complaint, job, settings, trained
from tests.benchmark.mutations import within
from tests.benchmark.stops import FIXED, assert_same, gone_on, stopped

DAMAGE: dict[str, Callable[[Path], object]] = {
    "zeroed": lambda folder: (folder / "run.json").write_bytes(bytes(500)),
    "empty": lambda folder: (folder / "run.json").write_bytes(b""),
    "cut": lambda folder: (folder / "history.parquet").write_bytes(b"PAR1"),
    "gone": lambda folder: (folder / "clients.parquet").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_set_aside_and_made_again_alone(tmp_path: Path, damage: str) -> None:
    of, jobs = cell(FIXED), [job(cell(FIXED), 0), job(cell(FIXED), 1)]
    whole = trained(tmp_path / "whole", *jobs)
    store = trained(tmp_path, *jobs)
    kept = (store.folder(of, 1) / "run.json").stat().st_ino
    DAMAGE[damage](store.folder(of, 0))
    found = plan([of], [0, 1], {}, store, stack=False)
    assert ([each.seeds for each in found.jobs], found.finished) == ([(0,)], 1)
    (note,) = gone_on(tmp_path, job(of, 0))
    assert str(store.folder(of, 0)) in note
    (aside,) = (tmp_path / "damaged").iterdir()
    assert str(aside) in note
    assert_same(whole, store, of, 0, 1)
    assert (store.folder(of, 1) / "run.json").stat().st_ino == kept
    assert plan([of], [0, 1], {}, store, stack=False).jobs == []


def test_seeds_of_one_program_killed_between_two_stores_go_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cell(FIXED)
    whole = trained(tmp_path / "whole", job(of, 0, 1, 2))
    real, calls = Store.write, []

    def killed(store: Store, *rest: Any, **others: Any) -> Path:
        calls.append(rest)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(store, *rest, **others)

    often = replace(settings(tmp_path), checkpoint_every=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            perform(job(of, 0, 1, 2), often, lambda _: None)
    assert Store(tmp_path).seeds(of) == [0]
    found = plan([of], [0, 1, 2], {}, Store(tmp_path), stack=True)
    assert [each.seeds for each in found.jobs] == [(0, 1, 2)]
    assert gone_on(tmp_path, *found.jobs) == [f"goes on after round {of.rounds - 1}"]
    assert_same(whole, Store(tmp_path), of, 0, 1, 2)


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    of, store = cell(FIXED), trained(tmp_path, job(cell(FIXED), 0))
    stopped(tmp_path, job(of, 1), 2)
    parts = [
        store.place(of, 0).with_name(".seed-0.abc"),
        store.place(of, 0).with_name(".seed-0.old"),
        store.place(of, 1).with_name(".seed-1.def"),
    ]
    for part in parts:
        shutil.copytree(store.folder(of, 0), part)
    checkpoints = folder_of(store, of, (0,))
    shutil.copytree(folder_of(store, of, (1,)), checkpoints)
    draft = folder_of(store, of, (1,)) / ".round-00000009.checkpoint.abc"
    draft.touch()
    old, new = (tmp_path / "partitions" / f".{n}.npz.ff" for n in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    (made,) = plan([of], [0, 1], {}, store, stack=False).jobs
    assert (litter(store.place(of, 0)), checkpoints.exists()) == ([], False)
    shutil.move(next((tmp_path / "partitions").glob("[!.]*")), tmp_path / "partition")
    assert gone_on(tmp_path, made) == ["goes on after round 2"]
    assert litter(store.place(of, 1)) == []
    assert not draft.exists()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_run_about_to_be_replaced_goes_back_to_its_place(tmp_path: Path) -> None:
    of, store = cell(FIXED), trained(tmp_path, job(cell(FIXED), 0))
    store.place(of, 0).rename(store.place(of, 0).with_name(".seed-0.old"))
    assert plan([of], [0], {}, store, stack=False).finished == 1
    assert store.place(of, 0).is_dir()
    assert litter(store.place(of, 0)) == []


def test_a_look_at_the_status_keeps_no_run_from_being_made(tmp_path: Path) -> None:
    of, store = cell(FIXED), Store(tmp_path)
    with only_one(store, of, (0,)) as alone:
        assert alone
        assert is_locked(store, of, 0)
        assert status_of(of, 0, store).state == "running"
    assert not is_locked(store, of, 0)
    fcntl = pytest.importorskip("fcntl")
    with lock_path(store, of, 0).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # many may look at once
        assert not is_locked(store, of, 0)


def test_a_lock_that_is_a_pipe_hangs_nobody(tmp_path: Path) -> None:
    of, store = cell(FIXED), Store(tmp_path)
    path = lock_path(store, of, 0)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with within():
        assert status_of(of, 0, store).state == "not begun"
        assert f"{path}: cannot be stored" in complaint(lambda: gone_on(tmp_path, job(of)))


@pytest.mark.parametrize("blob", [b"\xff\xfe", b"a\nb [/b]", b"\x1b[2J"])
def test_the_text_of_a_failure_may_be_anything(tmp_path: Path, blob: bytes) -> None:
    of, store = cell(FIXED), Store(tmp_path)
    folder = folder_of(store, of, (0,))
    folder.mkdir(parents=True)
    (folder / "failure.txt").write_bytes(blob)
    found = status_of(of, 0, store)
    assert found.state == "failed"
    assert found.note.isprintable()
