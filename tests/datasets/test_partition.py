"""Partition: its rules, its digest, its table and its file."""

import hashlib
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import DataError, Partition
from datasets.arrays import Ints


def lists(*rows: list[int]) -> tuple[Ints, ...]:
    return tuple(np.array(row, np.int64) for row in rows)


SMALL = Partition(lists([0, 4], [2]), lists([5], [1, 3]), {"kind": "by hand", "alpha": 0.5})
LABELS = np.array([0, 1, 2, 1, 0, 2])


@st.composite
def partitions(draw: st.DrawFn) -> Partition:
    """Up to four clients with one to four samples on every side; some share their test list."""
    sizes = draw(st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=1, max_size=4))
    flat = [size for side in zip(*sizes, strict=True) for size in side]
    indices = draw(st.permutations(range(sum(flat) + 2)))
    parts = np.split(np.array(indices, np.int64), np.cumsum(flat))[:-1]
    n = len(sizes)
    train, test, validation = (tuple(parts[at * n : at * n + n]) for at in range(3))
    if draw(st.booleans()):
        test = (np.concatenate(test),)
    return Partition(train, test, {}, validation if draw(st.booleans()) else ())


def as_lists(partition: Partition) -> list[list[list[int]]]:
    sides = (partition.train, partition.test, partition.validation)
    return [[part.tolist() for part in side] for side in sides]


@settings(max_examples=60, deadline=None)
@given(one=partitions(), two=partitions())
def test_digests_are_equal_exactly_where_lists_are(one: Partition, two: Partition) -> None:
    assert (one.digest == two.digest) == (as_lists(one) == as_lists(two))


def test_the_digest_covers_lists_order_and_clients_but_not_the_recipe() -> None:
    digests = {
        SMALL.digest,
        Partition(lists([4, 0], [2]), lists([5], [1, 3])).digest,
        Partition(lists([0], [4, 2]), lists([5], [1, 3])).digest,
        Partition(lists([5], [1, 3]), lists([0, 4], [2])).digest,
        Partition(lists([2], [0, 4]), lists([1, 3], [5])).digest,
        Partition(lists([0, 4, 2]), lists([5, 1, 3])).digest,
    }
    assert len(digests) == 6
    assert replace(SMALL, recipe={}).digest == SMALL.digest


def test_the_digest_is_the_same_everywhere() -> None:
    # Training lists, then test lists; each its length, then its indices; 64 bits, little-endian.
    content = struct.pack("<10q", 2, 0, 4, 1, 2, 1, 5, 2, 1, 3)
    assert SMALL.digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (lists([0]), lists([0]), "twice"),
        (lists([0, 0]), lists([1]), "twice"),
        (lists([0], [1]), lists([2], [1]), "twice"),
        (lists([-1]), lists([1]), "negative"),
        (lists([0], []), lists([1], [2]), "non-empty"),
        (lists([0]), lists([]), "non-empty"),
        (lists([0], [1], [2]), lists([3], [4]), "3 training and 2 test lists"),
        ((), (), "0 training"),
        ((np.array([0], np.int32),), lists([1]), "int32"),
        ((np.array([[0]]),), lists([1]), r"shape \(1, 1\)"),
    ],
)
def test_lists_that_break_the_rules_are_refused(
    train: tuple[Ints, ...], test: tuple[Ints, ...], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        Partition(train, test)


def test_there_are_as_many_validation_lists_as_clients_or_none() -> None:
    with pytest.raises(DataError, match="2 training and 1 validation lists"):
        replace(SMALL, validation=lists([6]))
    with pytest.raises(DataError, match="twice"):
        replace(SMALL, validation=lists([6], [0]))
    assert replace(SMALL, validation=lists([6], [7])).digest != SMALL.digest


def test_samples_for_validation_are_a_clients_own_and_a_common_test_set_is_nobodys() -> None:
    part = replace(SMALL, test=lists([5]), validation=lists([1], [3]))
    assert part.table(LABELS, 3).tolist() == [[2, 1, 0], [0, 1, 1]]
    summary = part.summary(LABELS, 3)
    assert {k: summary[k] for k in ("samples", "train", "validation", "test", "size_max")} == {
        "samples": 6,
        "train": 3,
        "validation": 2,
        "test": 1,
        "size_max": 3,
    }


def test_table_and_summary_count_both_sides() -> None:
    assert SMALL.table(LABELS, 4).tolist() == [[2, 0, 1, 0], [0, 2, 1, 0]]
    assert SMALL.summary(LABELS, 4) == {
        "clients": 2, "samples": 6, "train": 3, "test": 3,
        "size_min": 3, "size_median": 3.0, "size_max": 3,
        "labels_min": 2, "labels_median": 2.0, "labels_max": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("labels", "classes"), [(LABELS[:5], 4), (LABELS, 2), (LABELS - 1, 4)])
def test_labels_of_another_data_set_are_refused(labels: Ints, classes: int) -> None:
    with pytest.raises(DataError, match="do not fit"):
        SMALL.table(labels, classes)


@settings(max_examples=20, deadline=None)
@given(partition=partitions())
def test_what_is_saved_is_loaded(
    partition: Partition, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("saved") / "new" / "partition.npz"
    replace(partition, recipe={"clients": 3}).save(path)
    partition = replace(partition, recipe={"alpha": 0.1, "groups": [[0, 1], [2]]})
    partition.save(path)  # over the first
    loaded = Partition.load(path)
    assert as_lists(loaded) == as_lists(partition)
    assert loaded.recipe == partition.recipe
    assert [file.name for file in path.parent.iterdir()] == ["partition.npz"]


def test_no_part_of_a_file_can_be_lost_or_changed_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "partition.npz"
    SMALL.save(path)
    whole = path.read_bytes()
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"is damaged or no partition \(.*delete it"):
            Partition.load(path)
    for at in range(0, len(whole), 13):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        try:  # zip's own bookkeeping, such as dates, may change without harm
            loaded = Partition.load(path)
        except DataError:
            continue
        assert as_lists(loaded) == as_lists(SMALL)
        assert loaded.recipe == SMALL.recipe
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(DataError, match="is damaged or no partition"):
        Partition.load(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"indices": np.array([4, 0, 2, 5, 1, 3])},
        {"indices": np.array([0, 4, 2, 5, 1])},
        {"indices": np.array([0.0, 4, 2, 5, 1, 3])},
        {"indices": np.array([0, 4, 2, 5, 1, None])},
        {"lengths": np.array([[1, 2], [1, 2]])},
        {"lengths": np.array([[-1, 4], [1, 2]])},
        {"lengths": np.array(6)},
        {"digest": np.array("0" * 64)},
        {"recipe": np.array("{")},
    ],
)
def test_files_of_other_content_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]
) -> None:
    path = tmp_path / "partition.npz"
    SMALL.save(path)
    with np.load(path) as stored:
        content = {**stored, **changed}
    np.savez(path, **content)
    with pytest.raises(DataError, match="is damaged or no partition") as caught:
        Partition.load(path)
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.npz is missing; make the partition again"):
        Partition.load(tmp_path / "none.npz")
    np.save(tmp_path / "row.npy", np.arange(3))
    for other in (tmp_path, tmp_path / "row.npy"):
        with pytest.raises(DataError, match="is damaged or no partition"):
            Partition.load(other)


@pytest.mark.parametrize("value", [np.int64(3), float("nan"), {1, 2}])
def test_a_recipe_of_anything_but_json_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(DataError, match="JSON values only"):
        replace(SMALL, recipe={"value": value}).save(tmp_path / "partition.npz")
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "partition.npz"
    SMALL.save(path)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Partition(lists([1]), lists([0])).save(path)
    assert Partition.load(path).digest == SMALL.digest
    assert [file.name for file in tmp_path.iterdir()] == ["partition.npz"]
