"""Runs on disk: whole or not at all, and damage is named."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import datasets.files
from benchmark.errors import BenchmarkError
from benchmark.store import Run, Store, read_run, read_table
from tests.benchmark.cases import cell, complaint, record

HISTORY = pd.DataFrame(
    {
        "round": [0, 1, 2],
        "global_accuracy": [0.1, 1 / 3, 0.7],
        "global_train_loss": [2.0, np.nan, 1e-300],
        "seconds": [0.5, 1.0, 1.5],
    }
)
CLIENTS = pd.DataFrame({"client": [0, 1], "train_size": [3, 4], "global_loss": [0.25, 1.75]})
FILES = ["clients.parquet", "history.parquet", "run.json"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def whole(store: Store, seed: int = 0) -> bool:
    """True if there is a whole run or none; False if there is a part of one."""
    run = store.find(cell(), seed)
    if run is None:
        return True
    try:
        for name in ("history.parquet", "clients.parquet"):
            read_table(store.folder(cell(), seed), run, name)
    except BenchmarkError:
        return False
    return True


def left_in(store: Store) -> list[str]:
    """Names of all files, and of folders that are not on the way to a run."""
    every = (path for path in store.root.rglob("*") if path != store.root / cell().key)
    return sorted(str(path.relative_to(store.root / cell().key)) for path in every)


def test_what_is_written_is_read_back(store: Store) -> None:
    run = record(cell({"hyper": {"eta": 0.5}}), 3)
    folder = store.write(run, HISTORY, CLIENTS)
    found = store.find(run.cell, 3)
    assert found is not None
    assert set(found.checksums) == {"history.parquet", "clients.parquet"}
    assert found.model_copy(update={"checksums": {}}) == run
    assert read_run(folder) == found
    pd.testing.assert_frame_equal(read_table(folder, found, "history.parquet"), HISTORY)
    pd.testing.assert_frame_equal(read_table(folder, found, "clients.parquet"), CLIENTS)


def test_a_run_is_three_files_in_a_folder_named_after_cell_and_seed(store: Store) -> None:
    folder = store.write(record(cell(), 3), HISTORY, CLIENTS)
    assert folder == store.root / cell().key / "seed-3"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert json.loads((folder / "run.json").read_text())["format"] == 1


def test_a_run_that_is_not_there_is_none(store: Store) -> None:
    assert store.find(cell(), 0) is None
    assert list(store.runs()) == []
    store.write(record(cell(), 3), HISTORY, CLIENTS)
    assert store.find(cell(), 0) is None
    assert store.find(cell({"rounds": 3}), 3) is None
    store.folder(cell(), 4).mkdir()
    assert store.find(cell(), 4) is None
    assert len(list(store.runs())) == 1


def test_runs_come_in_an_order_that_does_not_depend_on_when_they_were_made(tmp_path: Path) -> None:
    cells = [cell(), cell({"algorithm": "local"}), cell({"rounds": 9})]
    made = [record(each, seed) for each in cells for seed in (0, 1, 2)]
    orders = []
    for name, runs in (("a", made), ("b", made[::-1])):
        store = Store(tmp_path / name)
        for run in runs:
            store.write(run, HISTORY, CLIENTS)
        orders.append([(run.cell.digest, run.seed) for _, run in store.runs()])
        assert all(read_run(folder) == run for folder, run in store.runs())
    assert orders[0] == orders[1]
    assert len(orders[0]) == 9


def test_writing_again_replaces(store: Store) -> None:
    store.write(record(cell()), HISTORY, CLIENTS)
    folder = store.write(record(cell(), wall_seconds=9.0), HISTORY * 2, CLIENTS)
    found = store.find(cell(), 0)
    assert found is not None
    assert found.wall_seconds == 9.0
    pd.testing.assert_frame_equal(read_table(folder, found, "history.parquet"), HISTORY * 2)
    assert left_in(store) == sorted(["seed-0", *(f"seed-0/{name}" for name in FILES)])


def failing(after: int, error: BaseException, real: Callable[..., Any]) -> Callable[..., Any]:
    """The real function, except that one of its calls raises."""
    calls = 0

    def function(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == after + 1:
            raise error
        return real(*args, **kwargs)

    return function


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("name", "after"), [("fsync", 0), ("fsync", 1), ("fsync", 2), ("replace", 0)]
)
def test_a_write_that_fails_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, after: int, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, name, failing(after, error, getattr(os, name)))
        if isinstance(error, OSError):
            line = complaint(lambda: store.write(record(cell()), HISTORY, CLIENTS))
            assert str(store.folder(cell(), 0)) in line
            assert "No space left" in line
        else:
            with pytest.raises(KeyboardInterrupt):
                store.write(record(cell()), HISTORY, CLIENTS)
    assert store.find(cell(), 0) is None
    assert list(store.runs()) == []
    assert left_in(store) == []
    store.write(record(cell()), HISTORY, CLIENTS)
    assert len(list(store.runs())) == 1


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_older_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store.write(record(cell(), wall_seconds=1.0), HISTORY, CLIENTS)
    with monkeypatch.context() as patch:
        patch.setattr(os, name, failing(0, OSError(5, "Input/output error"), getattr(os, name)))
        complaint(lambda: store.write(record(cell(), wall_seconds=2.0), HISTORY, CLIENTS))
    found = store.find(cell(), 0)
    assert found is not None
    assert found.wall_seconds == 1.0
    assert whole(store)


def test_a_reader_never_sees_part_of_a_run_that_is_being_replaced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(record(cell()), HISTORY, CLIENTS)
    seen = []

    def watching(real: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            done = real(*args, **kwargs)
            seen.append(whole(store) and len(list(store.runs())) == 1)
            return done

        return function

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir", "replace", "rename", "fsync"):
            patch.setattr(os, name, watching(getattr(os, name)))
        store.write(record(cell()), HISTORY * 2, CLIENTS)
    assert seen
    assert all(seen)


def test_a_writer_killed_between_its_renames_hides_no_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(record(cell(), wall_seconds=1.0), HISTORY, CLIENTS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing(1, KeyboardInterrupt(), os.replace))
        patch.setattr(datasets.files, "_undo", lambda *_: None)  # the dead undo nothing
        with pytest.raises(KeyboardInterrupt):
            store.write(record(cell(), wall_seconds=2.0), HISTORY * 2, CLIENTS)
    assert not (store.root / cell().key / "seed-0").exists()
    found = store.find(cell(), 0)
    assert found is not None
    assert found.wall_seconds == 1.0
    assert (store.seeds(cell()), store.has(cell())) == ([0], True)
    assert whole(store)
    assert [run.wall_seconds for _, run in store.runs()] == [1.0]
    store.write(record(cell(), wall_seconds=3.0), HISTORY, CLIENTS)
    assert left_in(store) == sorted(["seed-0", *(f"seed-0/{name}" for name in FILES)])


def test_a_store_knows_its_seeds_and_methods(store: Store) -> None:
    assert (store.seeds(cell()), store.has(cell()), store.algorithms()) == ([], False, [])
    for seed in (10, 9):
        store.write(record(cell(), seed), HISTORY, CLIENTS)
    (store.root / "partitions").mkdir()
    assert store.seeds(cell()) == [9, 10]
    assert not store.has(cell({"rounds": 3}))
    assert store.algorithms() == ["fedavg"]


def test_what_an_interrupted_write_may_leave_is_no_run(store: Store) -> None:
    folder = store.write(record(cell(), 1), HISTORY, CLIENTS)
    folder.rename(folder.with_name(".seed-2.abc"))
    assert list(store.runs()) == []


@pytest.mark.parametrize("name", ["history.parquet", "clients.parquet"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "missing"])
def test_a_damaged_table_is_named_with_what_to_do(store: Store, name: str, damage: str) -> None:
    folder = store.write(record(cell()), HISTORY, CLIENTS)
    path, run = folder / name, read_run(folder)
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"flipped": bytes(blob), "cut": bytes(blob[:-9]), "empty": b""}[damage])
    line = complaint(lambda: read_table(folder, run, name))
    assert str(path) in line
    assert "run sets it aside and makes it again" in line


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"seed": 0', '"seed": "0"'),
        lambda text: text.replace('"seed"', '"sead"'),
        lambda text: text.replace('"digits"', '"Digits"'),
        lambda text: text.replace('"active_clients": 2', '"active_clients": 9'),
    ],
)
def test_a_damaged_record_is_named(store: Store, damage: Callable[[str], str]) -> None:
    path = store.write(record(cell()), HISTORY, CLIENTS) / "run.json"
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    assert str(path) in complaint(lambda: store.find(cell(), 0))
    assert str(path) in complaint(lambda: list(store.runs()))


def test_a_record_that_is_not_text_is_named(store: Store) -> None:
    path = store.write(record(cell()), HISTORY, CLIENTS) / "run.json"
    path.write_bytes(b"\xff\xfe")
    assert str(path) in complaint(lambda: store.find(cell(), 0))


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "store")
    line = complaint(lambda: store.write(record(cell()), HISTORY, CLIENTS))
    assert str(store.root) in line
    assert store.find(cell(), 0) is None


def test_a_record_takes_no_unknown_field() -> None:
    with pytest.raises(ValueError, match="extra"):
        Run.model_validate(dict(record(cell())) | {"mood": "good"})
