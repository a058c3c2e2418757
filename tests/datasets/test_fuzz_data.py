"""Mutated data files and options: read, or refused in one line."""

import gzip
import io
import os
import pickle
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from datasets import load
from datasets.images import IMAGE_SETS
from datasets.partition import Partition
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused

PARTITION = Partition(
    tuple(np.arange(10 * u, 10 * u + 7, dtype=np.int64) for u in range(5)),
    tuple(np.arange(10 * u + 7, 10 * u + 10, dtype=np.int64) for u in range(5)),
    {"kind": "iid", "clients": 5},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def partition(folder: Path) -> bytes:
    PARTITION.save(folder / "valid.npz")
    return (folder / "valid.npz").read_bytes()


@fuzzed(150)
@given(data=st.data())
def test_a_mutated_partition(folder: Path, partition: bytes, data: st.DataObject) -> None:
    path = folder / "mutant.npz"
    path.write_bytes(data.draw(mutants([partition])))
    read_or_refused(lambda: Partition.load(path), path)


NUMBERS = st.one_of(
    st.integers(-2, 50), st.integers(2**20), st.floats(), st.floats(0, 10), st.booleans(),
    st.sampled_from([10**6, 10**400, 2**63, 2**32, 1e308, -0.0]), st.none(), st.text(max_size=3),
)  # fmt: skip


@fuzzed(100)
@given(
    options=st.dictionaries(
        st.sampled_from(["alpha", "beta", "clients", "seed", "Seed"]), NUMBERS, max_size=3
    )
)
def test_any_options_of_synthetic(options: dict[str, float]) -> None:
    read_or_refused(lambda: load("synthetic", options={"clients": 3, **options}), "synthetic")


def packed(kind: int, **arrays: np.ndarray) -> bytes:
    """An .npz whose members are compressed as ``kind`` says."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=array.dtype == object)
            archive.writestr(f"{name}.npy", member.getvalue())
    return file.getvalue()


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_partition_packed_so_that_reading_is_not_bounded_is_refused(
    folder: Path, kind: int
) -> None:
    # These decompressors unpack whatever a block holds, however little is asked for.
    path = folder / "packed.npz"
    path.write_bytes(packed(kind, indices=np.zeros(10**6, np.int64)))
    assert not read_or_refused(lambda: Partition.load(path), path, "compressed")


def test_a_partition_that_unpacks_to_too_much_is_refused(folder: Path) -> None:
    path = folder / "bomb.npz"
    path.write_bytes(packed(zipfile.ZIP_DEFLATED, indices=np.zeros(2**24 + 1, np.int64)))
    assert path.stat().st_size < 2**20
    assert not read_or_refused(lambda: Partition.load(path), path, "unpacks to")


class Bomb:
    """Opened as a pickle, it fails the test: by name, so that it can be written at all."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_in_a_partition_is_never_opened(folder: Path) -> None:
    path = folder / "pickle.npz"
    path.write_bytes(packed(zipfile.ZIP_STORED, indices=np.array([Bomb()], object)))
    assert not read_or_refused(lambda: Partition.load(path), path)


IDX: dict[str, np.ndarray] = {"images-idx3": np.arange(4 * 784, dtype=np.uint8).reshape(4, 28, 28)}
IDX |= {"labels-idx1": np.arange(4, dtype=np.uint8)}


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four training and four test images, as if that were the whole set; nothing to download."""
    whole = IMAGE_SETS["mnist"]
    few = replace(whole, counts=(4, 4), files=dict.fromkeys(whole.files, ""))
    monkeypatch.setitem(IMAGE_SETS, "mnist", few)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"{tmp_path.as_uri()}/mirror/"])
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        for content, values in IDX.items():
            (raw / f"{part}-{content}-ubyte").write_bytes(idx(values))
    return raw


@fuzzed(80)
@given(data=st.data(), name=st.sampled_from(["train-images-idx3", "t10k-labels-idx1"]))
def test_a_mutated_idx_file(mnist: Path, data: st.DataObject, name: str) -> None:
    path = mnist / f"{name}-ubyte"
    valid = idx(IDX[name.partition("-")[2]])
    path.write_bytes(data.draw(mutants([valid])))
    read_or_refused(lambda: load("mnist", root=mnist.parents[1]), mnist)
    path.write_bytes(valid)


@fuzzed(30)
@given(data=st.data())
def test_a_mutated_gzip_is_not_unpacked(mnist: Path, data: st.DataObject) -> None:
    target = mnist / "train-images-idx3-ubyte"
    target.unlink(missing_ok=True)
    packed_file = data.draw(mutants([gzip.compress(idx(IDX["images-idx3"]), mtime=0)]))
    mirror = mnist.parents[1] / "mirror"
    mirror.mkdir(exist_ok=True)
    for place in (mnist, mirror):
        (place / f"{target.name}.gz").write_bytes(packed_file)
    refused = read_or_refused(lambda: load("mnist", root=mnist.parents[1], download=True), target)
    assert not refused
    assert not target.exists()


def test_a_gzip_bomb_is_not_unpacked(mnist: Path) -> None:
    target = mnist / "train-images-idx3-ubyte"
    target.unlink()
    (mnist / f"{target.name}.gz").write_bytes(gzip.compress(bytes(2**26)))
    assert not read_or_refused(lambda: load("mnist", root=mnist.parents[1], download=True), target)
    assert not target.exists()


def test_an_image_file_of_any_size_is_refused_unread(mnist: Path) -> None:
    path = mnist / "train-images-idx3-ubyte"
    with path.open("r+b") as file:
        file.truncate(2**42)  # of holes: takes no space on the disk
    assert not read_or_refused(lambda: load("mnist", root=mnist.parents[1]), path, "bytes")


PIXELS = np.arange(3 * 3072, dtype=np.uint8).reshape(3, 3072)
CIFAR = [("cifar10", "data_batch_3", "labels"), ("cifar100", "train", "fine_labels")]


@fuzzed(60)
@given(data=st.data(), which=st.sampled_from(CIFAR), tar=st.booleans())
def test_a_mutated_cifar_file_is_never_unpickled(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    which: tuple[str, str, str],
    tar: bool,
) -> None:
    """Neither in the folder nor in the archive that torchvision downloads."""
    name, file, key = which
    kind = getattr(torchvision.datasets, IMAGE_SETS[name].kind)
    root = tmp_path_factory.mktemp(name)
    content = pickle.dumps({"data": PIXELS, key: [0, 1, 2]}, protocol=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickle, "loads", lambda *_, **__: pytest.fail("unpickled"))
        (first, md5), *_ = IMAGE_SETS[name].files.items()
        patch.setitem(IMAGE_SETS, name, replace(IMAGE_SETS[name], files={first: md5}))
        patch.setattr(kind, "url", f"{root.as_uri()}/mirror/{kind.filename}")
        if tar:
            plain = io.BytesIO()
            with tarfile.open(fileobj=plain, mode="w") as archive:
                member = tarfile.TarInfo(f"{kind.base_folder}/{file}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            blob = data.draw(mutants([gzip.compress(plain.getvalue(), mtime=0)]))
            (root / kind.filename).write_bytes(blob)
        else:
            folder = root / kind.base_folder
            folder.mkdir()
            (folder / kind.train_list[0][0]).write_bytes(data.draw(mutants([content])))
        assert not read_or_refused(lambda: load(name, root=root, download=tar), kind.base_folder)
        assert tar != (root / kind.base_folder).exists()


def test_a_pipe_in_place_of_a_file_does_not_wait(mnist: Path) -> None:
    path = mnist / "t10k-labels-idx1-ubyte"
    path.unlink()
    os.mkfifo(path)
    assert not read_or_refused(lambda: load("mnist", root=mnist.parents[1]), "mnist")
