"""A partition in memory and on disk: every client's samples for training and for testing."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Ints
from datasets.errors import DataError
from datasets.files import read_bytes, write_whole

LARGEST = 2**27  # bytes of a file, packed or unpacked: 16 million indices


@dataclass(frozen=True, eq=False)
class Partition:
    """Every client's index lists into a data set; no list is empty and no index occurs twice.

    Raises DataError if the lists break these rules.
    """

    train: tuple[Ints, ...]
    """Per client u: the (n_u,) indices of its training samples."""
    test: tuple[Ints, ...]
    """Per client: the indices of its test samples; or a single list that all clients share."""
    recipe: Mapping[str, object] = field(default_factory=dict)
    """How the lists were made, for readers; JSON values only. Not part of the digest."""
    validation: tuple[Ints, ...] = ()
    """Per client: the indices of its validation samples. Empty: there is no validation."""

    def __post_init__(self) -> None:
        if len(self.test) not in (len(self.train), 1) or not self.train:
            raise DataError(
                f"{len(self.train)} training and {len(self.test)} test lists; a partition needs "
                "one of each for every client, or a single test list for all"
            )
        if len(self.validation) not in (0, len(self.train)):
            raise DataError(
                f"{len(self.train)} training and {len(self.validation)} validation lists; "
                "a partition needs one of each for every client, or no validation lists"
            )
        for part in self._parts:
            if part.dtype != np.int64 or part.ndim != 1 or not len(part):
                raise DataError(
                    f"an index list is {part.dtype} of shape {part.shape}; each must be a "
                    "non-empty row of int64"
                )
        every = np.sort(np.concatenate(self._parts))
        if every[0] < 0 or (every[1:] == every[:-1]).any():
            raise DataError("index lists hold a negative index, or one index twice")

    @property
    def _parts(self) -> tuple[Ints, ...]:
        return (*self.train, *self.test, *self.validation)

    @property
    def clients(self) -> int:
        """The number of clients."""
        return len(self.train)

    @property
    def shares_test(self) -> bool:
        """Whether one test list serves several clients."""
        return len(self.test) < self.clients

    def test_of(self, client: int) -> Ints:
        """The indices of a client's test samples."""
        return self.test[0 if self.shares_test else client]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the lists and their order; the same on every platform."""
        content = hashlib.sha256()
        for part in (*self.train, *self.test):
            content.update(np.array(len(part), "<i8").tobytes())
            content.update(part.astype("<i8").tobytes())
        if self.shares_test:
            content.update(b"one test list")
        if self.validation:
            content.update(b"validation")
        for part in self.validation:
            content.update(np.array(len(part), "<i8").tobytes())
            content.update(part.astype("<i8").tobytes())
        return content.hexdigest()

    def table(self, labels: Ints, classes: int) -> Ints:
        """(clients, classes): the number of samples of each label that each client has.

        A test list that all clients share is not counted.
        labels: (n,) in 0..classes-1. Raises DataError if an index or a label is out of range.
        """
        top = max(part.max() for part in self._parts)
        if top >= len(labels) or labels.min() < 0 or labels.max() >= classes:
            raise DataError(
                f"the partition reaches index {top}; the {len(labels)} labels given, "
                f"{labels.min()}..{labels.max()} of {classes} classes, do not fit it"
            )
        sides = [self.train, *([] if self.shares_test else [self.test]), self.validation]
        clients = zip(*filter(None, sides), strict=True)
        samples = (np.concatenate(lists) for lists in clients)
        return np.stack([np.bincount(labels[part], minlength=classes) for part in samples])

    def summary(self, labels: Ints, classes: int) -> dict[str, int | float]:
        """Numbers of samples, in total and per client (see `table`), and of labels per client."""
        table = self.table(labels, classes)
        sizes, held = table.sum(axis=1), (table > 0).sum(axis=1)
        validation = {"validation": sum(map(len, self.validation))} if self.validation else {}
        return {
            "clients": self.clients,
            "samples": sum(map(len, self._parts)),
            "train": sum(map(len, self.train)),
            **validation,
            "test": sum(map(len, self.test)),
            "size_min": int(sizes.min()),
            "size_median": float(np.median(sizes)),
            "size_max": int(sizes.max()),
            "labels_min": int(held.min()),
            "labels_median": float(np.median(held)),
            "labels_max": int(held.max()),
        }

    def save(self, path: Path) -> None:
        """Write to `path`, whole or not at all; missing folders are made.

        A ``.json`` file holds the lists ``train``, ``test`` (a single one if all clients share
        it) and, with validation, ``validation``, beside ``recipe`` and ``digest``. Any other file
        is npz without pickle.
        Raises DataError if the recipe holds anything but JSON values, OSError if the disk fails.
        """
        try:
            recipe = json.dumps(dict(self.recipe), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"a partition's recipe takes JSON values only: {error}") from error
        if path.suffix == ".json":
            write_whole(path, self._as_json())
            return
        sides = [side for side in (self.train, self.test, self.validation) if side]
        lengths = np.zeros((len(sides), self.clients), "<i8")  # a shared test list leaves zeros
        for row, side in zip(lengths, sides, strict=True):
            row[: len(side)] = [len(part) for part in side]
        indices = np.concatenate(self._parts).astype("<i8")
        packed = io.BytesIO()
        np.savez_compressed(
            packed, indices=indices, lengths=lengths, recipe=recipe, digest=self.digest
        )
        write_whole(path, packed.getvalue())

    def _as_json(self) -> bytes:
        sides = {"train": self.train, "test": self.test, "validation": self.validation}
        lists = {name: [part.tolist() for part in side] for name, side in sides.items() if side}
        return json.dumps({**lists, "recipe": dict(self.recipe), "digest": self.digest}).encode()

    @classmethod
    def load(cls, path: Path) -> "Partition":
        """Read what `save` wrote, or JSON made elsewhere, which needs no recipe and no digest.

        Raises DataError if the file is missing, damaged or no partition.
        """
        try:
            content = read_bytes(path, LARGEST)
            loaded, digest = (cls._read_json if path.suffix == ".json" else cls._read_npz)(content)
        except FileNotFoundError as error:
            raise DataError(f"{path} is missing; make the partition again") from error
        # A damaged archive fails in zipfile, zlib, numpy or json, with an error of theirs.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(_damaged(path, reason)) from error
        if digest != loaded.digest:
            raise DataError(_damaged(path, "its digest does not match its indices"))
        return loaded

    @classmethod
    def _read_json(cls, content: bytes) -> tuple["Partition", str]:
        tables = json.loads(content)
        known = {"train", "test", "validation", "recipe", "digest"}
        if not isinstance(tables, dict) or not {"train", "test"} <= {*tables} <= known:
            raise ValueError(f"allowed: tables {', '.join(sorted(known))}")
        train, test, validation = (
            tuple(_indices(part) for part in tables.get(name, ()))
            for name in ("train", "test", "validation")
        )
        loaded = cls(train, test, tables.get("recipe", {}), validation)
        return loaded, tables.get("digest", loaded.digest)

    @classmethod
    def _read_npz(cls, content: bytes) -> tuple["Partition", str]:
        packed = io.BytesIO(content)
        with zipfile.ZipFile(packed) as archive:
            members = archive.infolist()
        size = sum(member.file_size for member in members)
        # Python unpacks whole blocks of the other compressions, however little is read.
        if not all(m.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members):
            raise ValueError("it is compressed otherwise than by deflate")
        if size > LARGEST:
            raise ValueError(f"it unpacks to {size:,} bytes, allowed: {LARGEST:,}")
        packed.seek(0)
        with np.load(packed, allow_pickle=False) as stored:
            return cls._unpack(stored), str(stored["digest"])

    @classmethod
    def _unpack(cls, stored: Mapping[str, NDArray[Any]]) -> "Partition":
        lengths, indices = stored["lengths"], stored["indices"]
        recipe = json.loads(str(stored["recipe"]))
        if not lengths.dtype == indices.dtype == np.dtype("<i8") or not isinstance(recipe, dict):
            raise ValueError("lengths and indices must be 64-bit integers, the recipe a table")
        counts = lengths[lengths > 0]
        ends = np.cumsum(counts)
        if lengths.ndim != 2 or len(lengths) not in (2, 3) or lengths.min() < 0:
            raise ValueError(f"lengths are {lengths.shape}")
        if not len(ends) or len(indices) != ends[-1]:
            raise ValueError(f"{indices.shape} indices, lengths to {ends[-1:]}")
        parts = iter(np.split(indices, ends[:-1]))
        train, test, *rest = (tuple(islice(parts, n)) for n in (lengths > 0).sum(axis=1))
        return cls(train, test, recipe, rest[0] if rest else ())


def _indices(part: object) -> Ints:
    if not isinstance(part, list) or not all(type(index) is int for index in part):
        raise ValueError("an index list holds something else than whole numbers")
    return np.array(part, np.int64)


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is damaged or no partition ({reason}); delete it and make the partition again"
