"""Users' data sets: every format gives the same samples; faults are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets import DataError, readers
from datasets.own import digest_of, load_own

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])
CLIENT = np.array([3, 3, 3, 7, 7, 7])


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "mine.npz"
    np.savez(path, **{"x": X, "y": Y, **arrays})
    return path


def table(folder: Path, suffix: str, **columns: Any) -> Path:
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": Y, "who": CLIENT} | columns)
    path = folder / f"mine.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    return path


def leaf(folder: Path) -> Path:
    content = {
        "users": ["f1", "f2"],
        "num_samples": [3, 3],
        "user_data": {
            user: {"x": X[rows].tolist(), "y": Y[rows].tolist()}
            for user, rows in (("f1", slice(3)), ("f2", slice(3, 6)))
        },
    }
    path = folder / "all_data.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_every_format_gives_the_same_samples_labels_and_clients(tmp_path: Path) -> None:
    columns = {"label": "kind", "client": "who"}
    made = [
        load_own("mine", npz(tmp_path, client=CLIENT)),
        load_own("mine", table(tmp_path, "csv"), **columns),
        load_own("mine", table(tmp_path, "parquet"), **columns),
        load_own("mine", leaf(tmp_path)),
    ]
    (tmp_path / "leaf").mkdir()
    made.append(load_own("mine", leaf(tmp_path / "leaf").parent))
    for arrays in made:
        assert arrays.x.dtype == np.float32
        assert np.array_equal(arrays.x, X)
        assert np.array_equal(arrays.y, Y)
        assert arrays.client is not None
        assert arrays.client.tolist() == [0, 0, 0, 1, 1, 1]
        assert (arrays.name, arrays.classes, arrays.labels) == ("mine", 3, ())
    assert len({arrays.digest for arrays in made}) == 1


def test_a_folder_for_each_class_gives_images(tmp_path: Path) -> None:
    for name, colour in (("cat", (255, 0, 0)), ("ant", (0, 9, 0))):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (4, 3), colour).save(tmp_path / name / f"{number}.png")
    arrays = load_own("pets", tmp_path)
    assert arrays.x.shape == (4, 3, 3, 4)
    assert arrays.x.dtype == np.uint8
    assert (arrays.labels, arrays.y.tolist()) == (("ant", "cat"), [0, 0, 1, 1])
    assert arrays.x[0, :, 0, 0].tolist() == [0, 9, 0]
    Image.new("RGB", (5, 3)).save(tmp_path / "cat" / "odd.png")
    with pytest.raises(DataError, match=r"odd.png is \(5, 3\)"):
        load_own("pets", tmp_path)


@pytest.mark.parametrize("values", [[5, 9, 5, 9, 9, 5], ["no", "yes", "no", "yes", "yes", "no"]])
def test_other_labels_are_numbered_in_order_and_that_is_said(tmp_path: Path, values: Any) -> None:
    arrays = load_own("mine", npz(tmp_path, y=np.array(values)))
    assert arrays.y.tolist() == [0, 1, 0, 1, 1, 0]
    assert arrays.labels == tuple(map(str, sorted(set(values))))


def test_images_of_bytes_stay_bytes(tmp_path: Path) -> None:
    x = np.zeros((6, 1, 2, 2), np.uint8)
    assert load_own("mine", npz(tmp_path, x=x)).x.dtype == np.uint8


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.where(X == 5, np.nan, X)}, "not finite, from sample 0 on"),
        ({"x": X[:4]}, r"y has shape \(6,\), for 4 samples"),
        ({"x": X[:, 0]}, r"x is float32 of shape \(6,\)"),
        ({"x": X[:0], "y": Y[:0]}, r"shape \(0, 2\)"),
        ({"x": X.astype(str)}, "allowed: numbers"),
        ({"y": Y / 2}, "not whole"),
        ({"y": Y * 0}, "a single label"),
        ({"y": Y.astype(complex)}, "y is complex"),
        ({"client": CLIENT[:3]}, "client has shape"),
        ({"z": X}, "allowed: x, y, client"),
        ({"x": np.array([object()] * 6)}, "allow_pickle"),
    ],
)
def test_arrays_that_are_no_data_set_are_one_line(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    path = npz(tmp_path, **arrays)
    with pytest.raises(DataError, match=said) as caught:
        load_own("mine", path)
    assert str(caught.value).startswith(f"mine: {path} is no data set: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_needs_its_columns_and_numbers(tmp_path: Path, suffix: str) -> None:
    path = table(tmp_path, suffix, c=list("abcdef"))
    for label, said in (("kind", "column 'c' holds no numbers"), (None, "its columns: a, b, kind")):
        with pytest.raises(DataError, match=said):
            load_own("mine", path, label, "who")
    with pytest.raises(DataError, match="client = 'whom'"):
        load_own("mine", path, "kind", "whom")


@pytest.mark.parametrize("name", ["mine.npz", "mine.csv", "mine.parquet", "mine.json", "mine.txt"])
def test_files_of_anything_else_are_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(DataError, match=r"is missing|allowed: .npz"):
        load_own("mine", path, "kind")
    path.write_bytes(b"\0\1 anything")
    with pytest.raises(DataError, match="is no data set") as caught:
        load_own("mine", path, "kind")
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_into_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MOST", 50)
    monkeypatch.setattr(readers, "TEXT", 50)
    paths = [npz(tmp_path), table(tmp_path, "csv"), table(tmp_path, "parquet"), leaf(tmp_path)]
    (tmp_path / "images" / "a").mkdir(parents=True)
    Image.new("L", (20, 20)).save(tmp_path / "images" / "a" / "0.png")
    for path in [*paths, tmp_path / "images"]:
        with pytest.raises(DataError, match=r"bytes.*, allowed: 50"):
            load_own("mine", path, "kind")


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    first = digest_of(npz(tmp_path))
    assert digest_of(npz(tmp_path)) == first
    assert digest_of(npz(tmp_path, y=Y[::-1])) != first
    folder = digest_of(tmp_path)
    (tmp_path / "mine.npz").rename(tmp_path / "other.npz")
    assert digest_of(tmp_path) != folder
    with pytest.raises(DataError, match="cannot be read"):
        digest_of(tmp_path / "none")
