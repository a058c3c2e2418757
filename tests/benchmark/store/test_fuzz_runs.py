"""Mutated records and tables of a run: read, or refused in one line that names the file."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.errors import BenchmarkError
from benchmark.spec import cells, load_experiment, load_protocol, profile_of
from benchmark.store import MOST, TABLES, Store, read_table
from tests.benchmark.cases import EXPERIMENT, record
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused, within

FILES = ("run.json", *TABLES)
SCORES = {"global_accuracy": [0.1, 0.7], "global_loss": [2.0, 0.5], "global_train_loss": [2.0, 0.4]}
HISTORY = pd.DataFrame({"round": [0, 1], **SCORES, "seconds": [0.5, 1.0]})
CLIENTS = pd.DataFrame({"client": [0, 1], "train_size": [3, 4], "test_size": [3, 4], **SCORES})


class Shelf:
    """A store with one run, whose files can be replaced and put back."""

    def __init__(self, root: Path) -> None:
        self.experiment = root / "tiny.toml"
        self.experiment.write_text(EXPERIMENT, encoding="utf-8")
        tiny = load_experiment(str(self.experiment))
        smoke = profile_of(tiny, "smoke")
        self.cell, _ = cells(tiny, load_protocol("as_described"), smoke)
        self.store = Store(root / "runs")
        self.folder = self.store.write(record(self.cell), HISTORY, CLIENTS)
        self.valid = {name: (self.folder / name).read_bytes() for name in FILES}

    def hold(self, name: str, blob: bytes, summed: bool) -> None:
        """Put the valid files there but for one; ``summed``: the record's checksum is its own."""
        files = self.valid | {name: blob}
        if summed and name in TABLES:
            record = json.loads(self.valid["run.json"])
            record["checksums"][name] = hashlib.sha256(blob).hexdigest()
            files["run.json"] = json.dumps(record).encode()
        for each, content in files.items():
            (self.folder / each).write_bytes(content)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


def read_all(shelf: Shelf) -> None:
    shelf.store.find(shelf.cell, 0)
    for folder, run in shelf.store.runs():
        for name in TABLES:
            read_table(folder, run, name)


def reported(shelf: Shelf, command: str) -> None:
    arguments = [command, str(shelf.experiment), "--profile", "smoke", "--store"]
    with within(60):
        done = CliRunner().invoke(app, [*arguments, str(shelf.store.root)])
    assert done.exit_code in (0, 2), f"{done.output}\n{done.exc_info}"
    if done.exit_code == 2:
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")


@fuzzed(150)
@given(data=st.data(), name=st.sampled_from(FILES), summed=st.booleans())
def test_a_mutated_file_of_a_run(
    shelf: Shelf, data: st.DataObject, name: str, summed: bool
) -> None:
    blob = data.draw(mutants([shelf.valid[name]]))
    shelf.hold(name, blob, summed)
    read_or_refused(lambda: read_all(shelf), shelf.folder / "")
    reported(shelf, "compare")


NAMES = ["round", "seconds", "client", "train_size", "test_size", "odd", "", "global_"]
NAMES += [f"{w}_{s}" for w in ("global", "personal") for s in ("accuracy", "loss", "train_loss")]
COLUMNS = st.one_of(
    st.just(np.arange(3)),
    st.just(np.arange(3) / 4),
    st.lists(st.floats(), min_size=3, max_size=3).map(np.array),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3).map(np.array),
    st.just(np.array(["a", "b", "c"])),
    st.just(np.array([True, False, True])),
    st.just(np.full(3, np.nan)),
    st.just(np.full(3, np.nan, np.float16)),
)


@fuzzed(100)
@given(
    columns=st.dictionaries(st.sampled_from(NAMES), COLUMNS, max_size=6),
    rows=st.integers(0, 3),
    name=st.sampled_from(TABLES),
)
def test_a_readable_table_of_other_columns(
    shelf: Shelf, columns: dict[str, np.ndarray], rows: int, name: str
) -> None:
    blob = io.BytesIO()
    pd.DataFrame(columns)[:rows].to_parquet(blob, index=False)
    shelf.hold(name, blob.getvalue(), summed=True)
    reported(shelf, "compare")
    reported(shelf, "report")


def test_a_table_of_more_numbers_than_memory_is_refused_unread(shelf: Shelf) -> None:
    """A few kilobytes can unpack to any number of zeros."""
    zeros = pyarrow.table(
        {"round": np.zeros(MOST // 2 + 1, np.int64), "seconds": np.zeros(MOST // 2 + 1)}
    )
    packed = io.BytesIO()
    pyarrow.parquet.write_table(zeros, packed, compression="zstd")
    assert len(packed.getvalue()) < 2**17
    shelf.hold("history.parquet", packed.getvalue(), summed=True)
    run = shelf.store.find(shelf.cell, 0)
    assert run is not None
    with pytest.raises(BenchmarkError, match="numbers, allowed: 16,777,216"):
        read_table(shelf.folder, run, "history.parquet")
