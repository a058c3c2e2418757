"""Image sets from tiny files in the real formats, whole and damaged, and from the real ones."""

import gzip
import hashlib
import pickle
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision

from datasets import Arrays, DataError, load
from datasets.images import IMAGE_SETS

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (7, 28, 28), dtype=np.uint8)
COLOURS = RNG.integers(0, 256, (18, 3 * 32 * 32), dtype=np.uint8)


def one_line(name: str, root: Path, download: bool = False) -> str:
    """The message of the DataError that loading ends in: one line that names a remedy."""
    with pytest.raises(DataError) as caught:
        load(name, root=root, download=download)
    message = str(caught.value)
    assert "\n" not in message
    assert "--data-root or PFL_DATA_ROOT" in message
    return message


def write_idx(path: Path, values: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    header = struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + values.tobytes())


@pytest.fixture(params=["mnist", "fashion_mnist"])
def idx(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Five training and two test images under tmp_path, as if that were the whole set."""
    name = str(request.param)
    unsummed = dict.fromkeys(IMAGE_SETS[name].files, "")
    monkeypatch.setitem(IMAGE_SETS, name, replace(IMAGE_SETS[name], counts=(5, 2), files=unsummed))
    raw = tmp_path / IMAGE_SETS[name].kind / "raw"
    for part, own in (("train", slice(0, 5)), ("t10k", slice(5, 7))):
        write_idx(raw / f"{part}-images-idx3-ubyte", PIXELS[own])
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(7, dtype=np.uint8)[own])
    return name


def raw_file(name: str, root: Path, file: str) -> Path:
    return root / IMAGE_SETS[name].kind / "raw" / file


def test_idx_files_give_training_then_test_images(idx: str, tmp_path: Path) -> None:
    data = load(idx, root=tmp_path)
    np.testing.assert_array_equal(data.x, PIXELS[:, None])
    np.testing.assert_array_equal(data.y, np.arange(7))
    assert data.x.dtype == np.uint8
    assert data.y.dtype == np.int64
    assert data.classes == 10


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], "bytes"),
        ("t10k-images-idx3-ubyte", lambda data: data[:7], "bytes"),
        ("t10k-labels-idx1-ubyte", lambda data: b"", "bytes"),
        ("train-labels-idx1-ubyte", lambda data: data + b"\0", "bytes"),
        ("train-images-idx3-ubyte", lambda data: b"\x1f\x8b" + data[2:], "header"),
        ("train-images-idx3-ubyte", lambda data: data[:4] + b"\xff" * 4 + data[8:], "header"),
        ("t10k-labels-idx1-ubyte", lambda data: data[:-1] + b"\x0a", "labels .* 0..9"),
    ],
)
def test_damaged_idx_files_are_named(
    idx: str, tmp_path: Path, file: str, damage: Callable[[bytes], bytes], said: str
) -> None:
    path = raw_file(idx, tmp_path, file)
    path.write_bytes(damage(path.read_bytes()))
    message = one_line(idx, tmp_path)
    assert re.search(rf"{file} is damaged \(.*{said}", message)
    assert "delete it and pass --download" in message


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_flipped_pixel_or_label_is_found_out(
    idx: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    content = {name: (tmp_path / name).read_bytes() for name in IMAGE_SETS[idx].files}
    sums = {name: hashlib.md5(blob).hexdigest() for name, blob in content.items()}
    monkeypatch.setitem(IMAGE_SETS, idx, replace(IMAGE_SETS[idx], files=sums))
    assert len(load(idx, root=tmp_path).x) == 7
    path = raw_file(idx, tmp_path, file)
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    assert f"{file} is damaged (its MD5 differs from the published one)" in one_line(idx, tmp_path)


@pytest.mark.parametrize("dotted", [False, True], ids=["hyphen", "dot"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_idx_files_are_found_by_their_other_names(
    idx: str, tmp_path: Path, dotted: bool, packed: bool
) -> None:
    expected = load(idx, root=tmp_path)
    for path in list((tmp_path / IMAGE_SETS[idx].kind / "raw").iterdir()):
        name = path.name.replace("-idx", ".idx") if dotted else path.name
        content = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
        path.unlink()
        path.with_name(name + ".gz" * packed).write_bytes(content)
    found = load(idx, root=tmp_path)
    assert (found.x == expected.x).all()
    assert found.digest == expected.digest


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: gzip.compress(data + b"\0"), "bytes"),
        (lambda data: gzip.compress(data)[:-9], "end-of-stream"),
        (lambda data: data, "gzip"),
        (lambda data: gzip.compress(bytes(10**7)), "bytes"),
    ],
    ids=["longer", "cut", "not compressed", "a bomb"],
)
def test_damaged_compressed_files_are_named(
    idx: str, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    path = raw_file(idx, tmp_path, "train-images-idx3-ubyte")
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(damage(path.read_bytes()))
    path.unlink()
    line = one_line(idx, tmp_path)
    assert str(packed) in line
    assert said in line


def test_every_file_but_fashion_mnists_has_a_published_md5() -> None:
    """CIFAR's are those that torchvision lists."""
    for name, images in IMAGE_SETS.items():
        known = [bool(re.fullmatch("[0-9a-f]{32}", md5)) for md5 in images.files.values()]
        assert all(known) == any(known) == (name != "fashion_mnist")
        kind = getattr(torchvision.datasets, images.kind)
        if name.startswith("cifar"):
            listed = [*kind.train_list, *kind.test_list]
            assert images.files == {f"{kind.base_folder}/{file}": md5 for file, md5 in listed}


def test_reading_needs_no_torchvision(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, datasets\n"
        "try:\n    datasets.load('mnist', root=pathlib.Path(sys.argv[1]))\n"
        "except datasets.DataError:\n    pass\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)


def test_a_readable_set_with_images_missing_is_refused(idx: str, tmp_path: Path) -> None:
    for content, values in (("images-idx3", PIXELS[:4]), ("labels-idx1", PIXELS[:4, 0, 0] % 10)):
        write_idx(raw_file(idx, tmp_path, f"train-{content}-ubyte"), values)
    assert "train-images-idx3-ubyte is damaged" in one_line(idx, tmp_path)


def test_missing_idx_files_are_named(idx: str, tmp_path: Path) -> None:
    raw_file(idx, tmp_path, "t10k-labels-idx1-ubyte").unlink()
    message = one_line(idx, tmp_path)
    assert "t10k-labels-idx1-ubyte is missing; pass --download" in message
    assert "train-images-idx3-ubyte is missing" in one_line(idx, tmp_path / "elsewhere")


def test_an_unreadable_folder_is_one_line(
    idx: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert "Permission denied" in one_line(idx, tmp_path)


def test_download_leaves_what_is_there_and_says_why_it_failed(
    idx: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = getattr(torchvision.datasets, IMAGE_SETS[idx].kind)
    monkeypatch.setattr(kind, "mirrors", [f"{tmp_path.as_uri()}/no/such/mirror/"])
    assert len(load(idx, root=tmp_path, download=True).x) == 7
    message = one_line(idx, tmp_path / "other", download=True)
    assert "train-images-idx3-ubyte could not be downloaded" in message
    assert "no/such/mirror" in message


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three images per file under tmp_path, with the published checksums set to match."""
    name = str(request.param)
    kind = getattr(torchvision.datasets, IMAGE_SETS[name].kind)
    key = "labels" if name == "cifar10" else "fine_labels"
    sums: dict[str, str] = {}

    def write(file: str, content: dict[str, Any]) -> None:
        path = tmp_path / kind.base_folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(content, protocol=2))
        sums[file] = hashlib.md5(path.read_bytes()).hexdigest()

    files = [file for file, _ in (*kind.train_list, *kind.test_list)]
    for i, file in enumerate(files):
        own = slice(3 * i, 3 * i + 3)
        write(file, {"data": COLOURS[own], key: [i, i + 1, i + 2]})
    counts = (3 * len(kind.train_list), 3)
    summed = {f"{kind.base_folder}/{file}": md5 for file, md5 in sums.items()}
    assert summed.keys() == IMAGE_SETS[name].files.keys()
    monkeypatch.setitem(IMAGE_SETS, name, replace(IMAGE_SETS[name], counts=counts, files=summed))
    return name


def folder(name: str, root: Path) -> Path:
    return root / str(getattr(torchvision.datasets, IMAGE_SETS[name].kind).base_folder)


def test_cifar_pickles_give_training_then_test_images(cifar: str, tmp_path: Path) -> None:
    data = load(cifar, root=tmp_path)
    np.testing.assert_array_equal(data.x, COLOURS[: len(data.x)].reshape(-1, 3, 32, 32))
    assert data.y.tolist() == [i + j for i in range(len(data.x) // 3) for j in range(3)]
    assert data.classes == IMAGE_SETS[cifar].classes


class Bomb:
    """Unpickling one is what a checksum must prevent."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return pytest.fail, ("unpickled before its checksum was compared",)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"", lambda data: pickle.dumps(Bomb())]
)
@pytest.mark.parametrize("last", [False, True])
def test_damaged_cifar_files_are_named_and_never_unpickled(
    cifar: str, tmp_path: Path, damage: Callable[[bytes], bytes], last: bool
) -> None:
    path = sorted(folder(cifar, tmp_path).glob("*t*"))[-1 if last else 0]
    path.write_bytes(damage(path.read_bytes()))
    assert f"{path} is damaged (its MD5" in one_line(cifar, tmp_path)


def test_missing_cifar_files_are_named(cifar: str, tmp_path: Path) -> None:
    for file in sorted(folder(cifar, tmp_path).iterdir()):
        kept = file.read_bytes()
        file.unlink()
        assert f"{file} is missing" in one_line(cifar, tmp_path)
        file.write_bytes(kept)


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_real_sets_are_complete(name: str, real: Callable[[str], Arrays]) -> None:
    data = real(name)
    expected = IMAGE_SETS[name]
    assert data.x.shape == (sum(expected.counts), *expected.shape)
    counts = np.bincount(data.y)
    if name == "mnist":
        published = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
        assert counts.tolist() == published
    else:
        assert counts.tolist() == [len(data.y) // expected.classes] * expected.classes
