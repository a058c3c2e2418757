"""A user's own data set, mutated: read, or refused in one line that names the file."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import load_own
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused

X, Y = np.arange(24.0).reshape(8, 3), np.arange(8) % 2
TABLE = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "who": Y.astype(str), "y": Y})


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=X, y=Y, client=Y)
    return file.getvalue()


def leaf() -> bytes:
    data = {name: {"x": X.tolist(), "y": Y.tolist()} for name in ("u", "v")}
    return json.dumps({"users": ["u", "v"], "num_samples": [8, 8], "user_data": data}).encode()


VALID = {
    ".npz": npz(),
    ".csv": TABLE.to_csv(index=False).encode(),
    ".parquet": TABLE.to_parquet(index=False),
    ".json": leaf(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.mark.parametrize("suffix", VALID)
def test_the_file_is_read_as_it_is(folder: Path, suffix: str) -> None:
    path = folder / f"valid{suffix}"
    path.write_bytes(VALID[suffix])
    is_table = suffix in (".csv", ".parquet")
    arrays = load_own("mine", path, "y" if is_table else None, "who" if is_table else None)
    assert (arrays.classes, len(arrays.x)) == (2, 16 if suffix == ".json" else 8)


@fuzzed(60)
@given(data=st.data())
@pytest.mark.parametrize("suffix", VALID)
def test_a_mutated_file(folder: Path, suffix: str, data: st.DataObject) -> None:
    path = folder / f"mutant{suffix}"
    path.write_bytes(data.draw(mutants([VALID[suffix]])))
    label = (
        data.draw(st.sampled_from(["y", "gone", "a"])) if suffix in (".csv", ".parquet") else None
    )
    client = data.draw(st.sampled_from([None, "who", "y"])) if label else None
    read_or_refused(lambda: load_own("mine", path, label, client), "mine", path)
