"""Mutated packed stores, final models, locks and failures: read, or refused in one line."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.jobs.perform import perform
from benchmark.store import MODELS, Store
from benchmark.store.locks import FAILURE, folder_of, is_locked, lock_path
from benchmark.store.models import kept_models, read_model
from benchmark.store.pack import pack, unpack
from benchmark.store.packed import PARTS
from benchmark.store.status import STATES, status_of
from tests.benchmark.cases import cell, job, settings
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused
from tests.benchmark.stops import FIXED

OTHER: dict[str, str | int | None] = {"3": 3, "text": "../é", "null": None}
OF = cell(FIXED | {"rounds": 1})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One run with its models."""
    root = tmp_path_factory.mktemp("kept") / "runs"
    perform(job(OF), replace(settings(root), keep_models=True), lambda _: None)
    return Store(root)


@pytest.fixture(scope="module")
def packed(store: Store) -> Path:
    pack(store.root, store.root.parent / "packed")
    return store.root.parent / "packed"


@fuzzed(60)
@given(data=st.data(), part=st.sampled_from(PARTS))
def test_a_mutated_part_of_a_packed_store(
    packed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, part: str
) -> None:
    """Its bytes; or a column that is dropped, renamed, emptied, or of another type."""
    path, back = packed / part, tmp_path_factory.mktemp("back")
    valid = path.read_bytes()
    change = data.draw(st.sampled_from(["bytes", "drop", "name", "empty", *OTHER]))
    if change == "bytes":
        path.write_bytes(data.draw(mutants([valid])))
    else:
        table = pd.read_parquet(path)
        column = data.draw(st.sampled_from(list(table)))
        if change == "drop":
            table = table.drop(columns=column)
        elif change == "name":
            table = table.rename(columns={column: "other"})
        elif change == "empty":
            table = table[:0]
        else:
            table[str(column)] = OTHER[change]
        table.to_parquet(path, index=False)
    try:
        read_or_refused(lambda: unpack(packed, back / "runs"), packed)
    finally:
        path.write_bytes(valid)
    assert {each.name for each in back.iterdir()} <= {"runs"}


@fuzzed(60)
@given(data=st.data(), client=st.sampled_from([None, 0, 3]))
def test_mutated_models(store: Store, data: st.DataObject, client: int | None) -> None:
    """Their checksum put right."""
    ((folder, run),) = store.runs()
    valid = (folder / MODELS).read_bytes()
    mutant = data.draw(mutants([valid, valid[:2000]]))
    (folder / MODELS).write_bytes(mutant)
    sums = dict(run.checksums) | {MODELS: hashlib.sha256(mutant).hexdigest()}
    of = run.model_copy(update={"checksums": sums})
    try:
        read_or_refused(lambda: kept_models(folder), folder / MODELS)
        read_or_refused(lambda: read_model(folder, of, client), folder)
    finally:
        (folder / MODELS).write_bytes(valid)


@fuzzed(40)
@given(blob=st.binary(max_size=200))
def test_locks_and_failures_of_any_content(store: Store, blob: bytes) -> None:
    folder = folder_of(store, OF, (1,))
    folder.mkdir(parents=True, exist_ok=True)
    lock_path(store, OF, 1).write_bytes(blob)
    (folder / FAILURE).write_bytes(blob)
    assert not is_locked(store, OF, 1)
    found = status_of(OF, 1, store)
    assert found.state in STATES
    assert found.note.isprintable()
