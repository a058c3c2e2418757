"""A run keeps the models behind its last scores and returns them as modules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import benchmark
from benchmark.engine.methods import load_method
from benchmark.jobs.data import Source, material
from benchmark.jobs.perform import perform
from benchmark.jobs.plan import plan
from benchmark.spec import Cell
from benchmark.store import MODELS, Store, read_table
from benchmark.store.models import kept_models, read_model
from benchmark.store.pack import pack, unpack
from tests.benchmark.cases import cell, complaint, job, settings, trained

PFML = {"algorithm": "pfml", "hyper": {"K": 2}}


def kept(root: Path, of: Cell, *seeds: int) -> Store:
    perform(job(of, *seeds), replace(settings(root), keep_models=True), lambda _: None)
    return Store(root)


def hits(module: nn.Module, of: Cell, seed: int, client: int) -> tuple[int, int]:
    """Number of a client's test samples that a module classifies correctly, and of all."""
    data = material(of, seed, Source())
    index = data.partition.test[client]
    with torch.no_grad():
        guesses = module(torch.from_numpy(data.inputs[index])).argmax(1).numpy()
    return int((guesses == data.arrays.y[index]).sum()), len(index)


@pytest.mark.parametrize(
    "changes",
    [
        PFML,
        PFML | {"global_scored": "before", "evaluate_every": 2, "rounds": 3},
        PFML | {"auxiliary": {"name": "dnn", "hidden": 8}},
        PFML | {"partition.validation_fraction": 0.2},
    ],
    ids=["after", "before", "two architectures", "validation"],
)
def test_the_last_scores_are_those_of_the_kept_models(
    changes: dict[str, object], tmp_path: Path
) -> None:
    of = cell(changes | {"partition.seed": 1})  # so that two seeds train as one program
    store = kept(tmp_path, of, 0, 3)
    for folder, run in store.runs():
        assert kept_models(folder) == (True, 4)
        last = read_table(folder, run, "history.parquet").iloc[-1]
        for which in ("global", "personal"):
            modules = [
                read_model(folder, run, c if which == "personal" else None) for c in range(4)
            ]
            counted = [hits(module, of, run.seed, c) for c, module in enumerate(modules)]
            right, samples = (sum(numbers) for numbers in zip(*counted, strict=True))
            assert right / samples == pytest.approx(last[f"{which}_accuracy"], abs=1e-12)


def test_a_run_without_models_is_made_again_when_they_are_asked_for(tmp_path: Path) -> None:
    of = cell()
    store = trained(tmp_path, job(of))

    def planned() -> tuple[int, int, int]:
        found = plan([of], [0], {}, store, stack=False, keep_models=True)
        return len(found.jobs), found.finished, found.without_models

    assert planned() == (1, 0, 1)
    before = store.find(of, 0)
    kept(tmp_path, of)
    assert planned() == (0, 1, 0)
    (store.folder(of, 0) / MODELS).unlink()
    assert planned() == (1, 0, 1)
    assert store.find_whole(of, 0) is not None, "the run itself is whole"
    kept(tmp_path, of)
    after = store.find(of, 0)
    assert before is not None
    assert after is not None
    assert after.has_models
    assert not before.has_models
    assert before.checksums["clients.parquet"] == after.checksums["clients.parquet"]
    assert load_method("fedavg").code == after.code


def test_what_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    of, without = cell(), cell({"rounds": 1})
    store = kept(tmp_path, of)
    trained(tmp_path, job(without))

    def refused(name: str = of.key, seed: int = 0, **more: Any) -> str:
        return complaint(lambda: benchmark.load_model(name, seed, store=tmp_path, **more))

    assert "run with --keep-models" in refused(without.key)
    assert "no run of seed 4, allowed: 0" in refused(seed=4)
    assert "allowed: only the global model" in refused(client=1)
    assert "does not fit the module" in refused(into=nn.Linear(3, 2))
    assert "2 cells of" in refused("digits-mlr")
    path = store.folder(of, 0) / MODELS
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert "damaged" in refused()


def test_models_do_not_stand_in_the_way_of_packing(tmp_path: Path) -> None:
    store = kept(tmp_path / "store", cell())
    pack(store.root, tmp_path / "packed")
    assert unpack(tmp_path / "packed", tmp_path / "back") == 1
    (_, run) = next(Store(tmp_path / "back").runs())
    assert not run.has_models
    assert Store(tmp_path / "back").find_whole(run.cell, 0) is not None
