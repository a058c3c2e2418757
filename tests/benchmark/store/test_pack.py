"""A packed store comes back whole, to the bit."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.places import COMMITTED
from benchmark.store import Store
from benchmark.store.pack import PARTS, pack, unpack
from tests.benchmark.cases import complaint

CELLS = sorted(path for path in COMMITTED.glob("*-mlr-*") if path.is_dir())[::25]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Some committed cells."""
    for cell in CELLS:
        shutil.copytree(cell, tmp_path / "store" / cell.name)
    shutil.copytree(COMMITTED / "partitions", tmp_path / "store" / "partitions")
    return tmp_path / "store"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_store_comes_back_to_the_bit(store: Path, tmp_path: Path) -> None:
    runs, before, after = pack(store, tmp_path / "packed")
    assert runs == len(list(Store(store).runs())) > 5
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {*PARTS}
    assert after < before
    assert unpack(tmp_path / "packed", tmp_path / "back") == runs
    ours, back = contents(store), contents(tmp_path / "back")
    assert ours.keys() == back.keys()
    for (_, run), (_, again) in zip(
        Store(store).runs(), Store(tmp_path / "back").runs(), strict=True
    ):
        unchecked: dict[str, object] = {"checksums": {}}
        assert run.model_copy(update=unchecked) == again.model_copy(update=unchecked)
    for name, blob in ours.items():
        if name.endswith(".npz"):
            assert back[name] == blob
        elif name.endswith(".parquet"):
            first, second = (pd.read_parquet(f / name) for f in (store, tmp_path / "back"))
            pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert unpack(tmp_path / "packed", tmp_path / "back") == 0


def test_what_cannot_be_packed_is_one_line(store: Path, tmp_path: Path) -> None:
    assert "no finished run" in complaint(lambda: pack(tmp_path / "empty", tmp_path / "out"))
    pack(store, tmp_path / "packed")
    assert "already" in complaint(lambda: pack(store, tmp_path / "packed"))
    (tmp_path / "packed" / "runs.parquet").write_bytes(b"PAR1")
    assert "runs.parquet" in complaint(lambda: unpack(tmp_path / "packed", tmp_path / "back"))


def test_two_stores_are_compared_run_by_run(store: Path, tmp_path: Path) -> None:
    pack(store, tmp_path / "packed")
    other = tmp_path / "other"
    unpack(tmp_path / "packed", other)
    done = CliRunner().invoke(app, ["compare", str(store), str(other)])
    assert done.exit_code == 0, done.output
    count = len(list(Store(store).runs()))
    assert f"{count} runs in both, {count} of them with the same bits" in done.output
    folder, run = next(Store(other).runs())
    history = pd.read_parquet(folder / "history.parquet")
    clients = pd.read_parquet(folder / "clients.parquet")
    column = next(name for name in map(str, history) if "accuracy" in name)
    history[column] = history[column] + 1e-6 * (history.index == 3)
    Store(other).write(run, history, clients)
    done = CliRunner().invoke(app, ["compare", str(store), str(other)])
    assert done.exit_code == 1
    assert f"{run.cell.key}/seed-{run.seed}: round 3, {column}" in done.output
