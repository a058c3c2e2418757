"""A finished partition: who trains on and who is tested on which samples, in memory and on disk."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """Index lists into a data set, one a client; no index occurs twice.

    train, test: for each client u the (n_u,) int64 indices it trains on and is tested on, each
        with at least one entry.
    recipe: how the lists were made, for people to read; JSON values only. No part of the digest.

    Raises DataError where the lists break these rules.
    """

    train: tuple[Ints, ...]
    test: tuple[Ints, ...]
    recipe: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.train) != len(self.test) or not self.train:
            raise DataError(
                f"{len(self.train)} training and {len(self.test)} test lists; "
                "a partition needs one of each for every client"
            )
        for part in (*self.train, *self.test):
            if part.dtype != np.int64 or part.ndim != 1 or not len(part):
                raise DataError(
                    f"an index list is {part.dtype} of shape {part.shape}; each must be a "
                    "non-empty row of int64"
                )
        every = np.sort(np.concatenate((*self.train, *self.test)))
        if every[0] < 0 or (every[1:] == every[:-1]).any():
            raise DataError("index lists hold a negative index, or one index twice")

    @property
    def clients(self) -> int:
        """The number of clients."""
        return len(self.train)

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the lists and their order; the same on every platform."""
        content = hashlib.sha256()
        for part in (*self.train, *self.test):
            content.update(np.array(len(part), "<i8").tobytes())
            content.update(part.astype("<i8").tobytes())
        return content.hexdigest()

    def table(self, labels: Ints, classes: int) -> Ints:
        """How many samples of each label each client has, train and test: (clients, classes).

        labels: (n,) in 0..classes-1. Raises DataError if the partition is not for such labels.
        """
        top = max(part.max() for part in (*self.train, *self.test))
        if top >= len(labels) or labels.min() < 0 or labels.max() >= classes:
            raise DataError(
                f"the partition reaches index {top}; the {len(labels)} labels given, "
                f"{labels.min()}..{labels.max()} of {classes} classes, do not fit it"
            )
        both = zip(self.train, self.test, strict=True)
        return np.stack([np.bincount(labels[np.concatenate(b)], minlength=classes) for b in both])

    def summary(self, labels: Ints, classes: int) -> dict[str, int | float]:
        """Sizes in samples (train and test together) and labels per client, over all clients."""
        table = self.table(labels, classes)
        sizes, held = table.sum(axis=1), (table > 0).sum(axis=1)
        return {
            "clients": self.clients,
            "samples": int(sizes.sum()),
            "train": sum(map(len, self.train)),
            "test": sum(map(len, self.test)),
            "size_min": int(sizes.min()),
            "size_median": float(np.median(sizes)),
            "size_max": int(sizes.max()),
            "labels_min": int(held.min()),
            "labels_median": float(np.median(held)),
            "labels_max": int(held.max()),
        }

    def save(self, path: Path) -> None:
        """Write to `path` (npz, no pickle), whole or not at all; missing folders are made.

        Raises DataError if the recipe holds anything but JSON values, OSError if the disk fails.
        """
        try:
            recipe = json.dumps(dict(self.recipe), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"a partition's recipe takes JSON values only: {error}") from error
        parts = (*self.train, *self.test)
        lengths = np.array([len(part) for part in parts], "<i8").reshape(2, -1)
        indices = np.concatenate(parts).astype("<i8")
        packed = io.BytesIO()
        np.savez_compressed(
            packed, indices=indices, lengths=lengths, recipe=recipe, digest=self.digest
        )
        write_whole(path, packed.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Partition":
        """Read what `save` wrote. Raises DataError if it is missing, damaged or something else."""
        try:
            packed = io.BytesIO(read_bytes(path, LARGEST))
            with zipfile.ZipFile(packed) as archive:
                members = archive.infolist()
            size = sum(member.file_size for member in members)
            # Of the other kinds, Python unpacks all that a block holds, however little is asked.
            if not all(
                m.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members
            ):
                raise ValueError("it is compressed otherwise than by deflate")
            if size > LARGEST:
                raise ValueError(f"it unpacks to {size:,} bytes, allowed: {LARGEST:,}")
            packed.seek(0)
            with np.load(packed, allow_pickle=False) as stored:
                loaded = cls._unpack(stored)
                digest = str(stored["digest"])
        except FileNotFoundError as error:
            raise DataError(f"{path} is missing; make the partition again") from error
        # A damaged archive fails in zipfile, zlib, numpy or json, each with errors of its own.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(_damaged(path, reason)) from error
        if digest != loaded.digest:
            raise DataError(_damaged(path, "its digest does not match its indices"))
        return loaded

    @classmethod
    def _unpack(cls, stored: Mapping[str, NDArray[Any]]) -> "Partition":
        lengths, indices = stored["lengths"], stored["indices"]
        recipe = json.loads(str(stored["recipe"]))
        if not lengths.dtype == indices.dtype == np.dtype("<i8") or not isinstance(recipe, dict):
            raise ValueError("lengths and indices must be 64-bit integers, the recipe a table")
        ends = np.cumsum(lengths.ravel())
        if lengths.ndim != 2 or lengths.min() < 1 or len(indices) != ends[-1]:
            raise ValueError(f"{indices.shape} indices, lengths {lengths.shape} to {ends[-1:]}")
        parts = np.split(indices, ends[:-1])
        half = lengths.shape[1]
        return cls(tuple(parts[:half]), tuple(parts[half:]), recipe)


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is damaged or no partition ({reason}); delete it and make the partition again"
