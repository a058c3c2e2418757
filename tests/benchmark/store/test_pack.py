"""A packed store comes back whole, to the bit."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.jobs.plan import plan
from benchmark.places import COMMITTED
from benchmark.store import TABLES, Store, read_table
from benchmark.store.pack import pack, unpack
from benchmark.store.packed import PARTS
from benchmark.store.status import status_of
from tests.benchmark.cases import cell, complaint, job, tables, trained

NAMES = Store(COMMITTED).cells()
CELLS = [name for name in NAMES if "-mlr-" in name][::25]
CELLS += [name for name in NAMES if name.startswith("digits-dnn-")][:1]  # with validation scores


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Some committed cells."""
    made = Store(tmp_path / "store")
    for name in CELLS:
        for folder, run in Store(COMMITTED).runs_of(name):
            history, clients = (read_table(folder, run, table) for table in TABLES)
            made.write(run, history, clients)
    (made.root / "partitions").mkdir()
    (made.root / "partitions" / "0123456789abcdef.npz").write_bytes(b"index lists")
    return made.root


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


def test_a_packed_store_is_read_where_it_is(store: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    pack(store, packed)
    ours, theirs = Store(store), Store(packed)
    assert ours.cells() == theirs.cells()
    assert ours.algorithms() == theirs.algorithms()
    for (folder, run), (place, again) in zip(ours.runs(), theirs.runs(), strict=True):
        assert again == run
        assert theirs.find_whole(run.cell, run.seed) == run
        assert theirs.seeds(run.cell) == ours.seeds(run.cell)
        for name in TABLES:
            pd.testing.assert_frame_equal(
                read_table(folder, run, name), read_table(place, run, name), check_exact=True
            )
    assert theirs.find(run.cell, 77) is None
    assert status_of(run.cell, run.seed, theirs).state == "done"
    done = CliRunner().invoke(app, ["compare", str(store), str(packed)])
    assert done.exit_code == 0, done.output
    assert (
        run.cell.key
        in CliRunner().invoke(app, ["show", run.cell.key, "--store", str(packed)]).output
    )


def test_runs_are_made_on_top_of_a_packed_store(tmp_path: Path) -> None:
    of, packed = cell(), tmp_path / "packed"
    pack(trained(tmp_path / "store", job(of)).root, packed)
    store = Store(packed)

    def planned(**more: bool) -> list[tuple[int, ...]]:
        return [j.seeds for j in plan([of], [0, 1], {}, store, stack=False, **more).jobs]

    assert planned() == [(1,)]
    assert planned(rerun=True) == [(0,), (1,)]
    before = store.find(of, 0)
    trained(packed, job(of, 1))
    assert planned() == []
    assert store.seeds(of) == [0, 1]
    assert {path.name for path in packed.glob("digits-*/*")} == {"seed-1"}
    run, history = store.find(of, 1), tables(store, of, 1)[0]
    assert run is not None
    assert before is not None
    changed = before.model_copy(update={"wall_seconds": 99.0})
    store.write(changed, history.assign(seconds=0.0), tables(store, of, 0)[1])
    found = store.find(of, 0)
    assert found is not None
    assert found.wall_seconds == 99.0, "a folder has precedence over the tables"
    assert pack(packed, tmp_path / "again")[0] == 2
    assert Store(tmp_path / "again").find(of, 0) == found


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
