"""A stopped run continues to the same bits, and never from another run's checkpoint."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import datasets.files
from benchmark import places
from benchmark.engine.models import Network
from benchmark.engine.snapshot import Snapshot
from benchmark.jobs.job import Event, Job
from benchmark.jobs.perform import perform
from benchmark.store import Store
from benchmark.store.checkpoint import Checkpoints, identity, read
from benchmark.store.locks import folder_of, only_one
from benchmark.store.status import seconds_left, status_of
from tests.benchmark.cases import MINE, cell, complaint, job, record, settings, trained
from tests.benchmark.stops import FIXED, ROUNDS, assert_same, gone_on, stopped


@pytest.mark.parametrize("name", ["fedavg", "local", "perfedavg", "pfedme", "pfml"])
@pytest.mark.parametrize(
    "words",
    [
        {"batches": "fixed_order", "global_scored": "before"},
        {"batches": "with_replacement", "participation": "sampled"},
        {"evaluate_every": 4, "train_loss_every": 2},
    ],
)
def test_any_number_of_stops_changes_no_bit(
    tmp_path: Path, name: str, words: dict[str, Any]
) -> None:
    of = cell({"algorithm": name, **FIXED, **words})
    whole = trained(tmp_path / "whole", job(of, 0, 3))
    for rounds in (2, 1, 2):  # stops after rounds 2, 3 and 5
        stopped(tmp_path / "cut", job(of, 0, 3), rounds)
    assert gone_on(tmp_path / "cut", job(of, 0, 3)) == ["goes on after round 5"]
    cut = Store(tmp_path / "cut")
    assert_same(whole, cut, of, 0, 3)
    run = cut.find(of, 3)
    assert run is not None
    assert run.environment["resumed"] == "after round 2, 3, 5"
    assert not folder_of(cut, of, (0, 3)).exists()


def test_a_states_fields_may_be_called_like_scores(tmp_path: Path) -> None:
    path = tmp_path / "mine_named.py"
    text = MINE.replace("w: Globals\n", "w: Globals\n    personal_rest: Globals\n")
    text = text.replace("return State(w)", "return State(w, w)")
    after = "return State(cohort.mean(rows), state.personal_rest)"
    path.write_text(text.replace("return State(cohort.mean(rows))", after), encoding="utf-8")
    of = Job(cell({"algorithm": path.stem, "evaluate_every": 4, **FIXED}), (0,), str(path))
    stopped(tmp_path, of, 2)
    assert gone_on(tmp_path, of) == ["goes on after round 2"]


def test_the_time_of_a_run_is_that_of_all_its_parts(tmp_path: Path) -> None:
    of = cell(FIXED)
    stopped(tmp_path, job(of), 4, every=60.0)
    (path,) = folder_of(Store(tmp_path), of, (0,)).glob("*.checkpoint")
    header, snapshot = read(path)
    checkpoints = Checkpoints(path.parent, header.identity, header.started)
    checkpoints.save(replace(snapshot, seconds=1000.0))
    gone_on(tmp_path, job(of))
    run = Store(tmp_path).find(of, 0)
    assert run is not None
    assert 1000 < run.wall_seconds < 1010
    assert run.started == header.started


def test_two_checkpoints_are_kept_and_a_damaged_one_gives_way_to_the_other(tmp_path: Path) -> None:
    of = cell(FIXED)
    whole = trained(tmp_path / "whole", job(of))
    stopped(tmp_path, job(of), 4)
    folder = folder_of(Store(tmp_path), of, (0,))
    old, new = sorted(folder.iterdir())
    assert [old.name, new.name] == [f"round-{n:08d}.checkpoint" for n in (3, 4)]
    blob = bytearray(new.read_bytes())
    blob[len(blob) // 2] ^= 1
    new.write_bytes(blob)
    notes = gone_on(tmp_path, job(of))
    assert notes == [f"{new}: damaged (checksum differs); not used", "goes on after round 3"]
    assert_same(whole, Store(tmp_path), of, 0)


def test_a_checkpoint_cut_short_leaves_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cell(FIXED)
    stopped(tmp_path, job(of), 3)

    def killed(path: Path, blob: bytes) -> None:
        path.write_bytes(blob[: len(blob) // 2])
        raise KeyboardInterrupt

    often = replace(settings(tmp_path), checkpoint_every=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(datasets.files, "_write", killed)
        patch.setattr(datasets.files, "_remove", lambda _: None)  # the dead clean up nothing
        with pytest.raises(KeyboardInterrupt):
            perform(job(of), often, lambda _: None)
    assert gone_on(tmp_path, job(of)) == ["goes on after round 3"]


@pytest.mark.parametrize("length", [0, 30, 65, 70, 400])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, length: int) -> None:
    of = cell(FIXED)
    stopped(tmp_path, job(of), 1)
    (path,) = folder_of(Store(tmp_path), of, (0,)).iterdir()
    path.write_bytes(path.read_bytes()[:length])
    assert "damaged" in complaint(lambda: read(path))
    assert gone_on(tmp_path, job(of)) == [f"{path}: damaged (checksum differs); not used"]


def test_a_well_made_checkpoint_of_nothing_is_refused(tmp_path: Path) -> None:
    import hashlib

    import safetensors.torch

    path = tmp_path / "round-1.checkpoint"
    for tensors in ({"x": torch.zeros(2)}, {"header": torch.zeros(3, dtype=torch.uint8)}):
        body = safetensors.torch.save(tensors)
        path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        assert "not a checkpoint" in complaint(lambda: read(path))


WORK = ["cell", "seeds", "method", "partition", "data"]
ENGINE = ["engine", "torch", "device", "precision", "convolutions"]


@pytest.mark.parametrize("what", [*WORK, *ENGINE, "format"])
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, what: str) -> None:
    of = identity(cell(), (0,), "ab" * 32, "cd" * 32, torch.device("cpu"))
    others: dict[str, Any] = {"seeds": (1,), "format": 99}
    theirs = of.model_copy(update={what: others.get(what, "other")})
    snapshot = Snapshot(3, 1.0, {"x": torch.arange(3.0)})
    Checkpoints(tmp_path, theirs, "then").save(snapshot)
    said: list[str] = []
    assert Checkpoints(tmp_path, of, "now").resume(said.append) is None
    assert said == [
        f"{tmp_path / 'round-00000003.checkpoint'}: the checkpoint of a run with another {what}; "
        "not used"
    ]
    mine = Checkpoints(tmp_path, theirs, "now")
    found = mine.resume(said.append)
    assert found is not None
    assert torch.equal(found.tensors["x"], snapshot.tensors["x"])
    assert (mine.started, mine.resumed) == ("then", (3,))


def test_a_run_goes_on_only_with_what_computed_its_convolutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cell(FIXED)
    with monkeypatch.context() as patch:
        patch.setattr(Network, "convolutions", lambda *_: "numba 0.1")
        stopped(tmp_path, job(of), 3)
    notes = gone_on(tmp_path, job(of))
    assert notes
    assert all(note.endswith("another convolutions; not used") for note in notes)


@pytest.mark.parametrize(("place", "file"), [("ENGINE", "streams.py"), ("MODELS", "mlr.py")])
def test_every_file_of_the_engine_and_every_model_is_part_of_a_runs_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, file: str
) -> None:
    of = (cell(), (0,), "ab" * 32, "cd" * 32, torch.device("cpu"))
    before = identity(*of)
    folder = tmp_path / "copy"
    shutil.copytree(getattr(places, place), folder)
    monkeypatch.setattr(places, place, folder)
    assert identity(*of) == before
    (folder / "another.py").write_text("", "utf-8")
    added = identity(*of)
    (folder / file).write_text("# other", "utf-8")
    assert len({before.engine, added.engine, identity(*of).engine}) == 3


def test_checkpoints_wait_their_time_and_longer_where_saving_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    of = identity(cell(), (0,), "ab" * 32, "cd" * 32, torch.device("cpu"))
    checkpoints = Checkpoints(tmp_path, of, "now", every=60.0)
    slow = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (slow(fd), now.__setitem__(0, now[0] + 5.0)))
    for span in (60.0, 500.0):  # two syncs of 5 s: 50 times as long until the next
        now[0] += span - 1
        assert not checkpoints.due
        now[0] += 1
        assert checkpoints.due
        checkpoints.save(Snapshot(1, 1.0, {}))
    monkeypatch.setattr(time, "time", lambda: -1e9)  # the wall clock plays no part
    assert not checkpoints.due


@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    of = cell(FIXED)
    whole = trained(tmp_path / "whole", job(of))
    trained(tmp_path, job(cell({"algorithm": "local", **FIXED})))  # the partition is there
    heard: list[Event] = []

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, when, full)
        patch.setattr(Store, "write", lambda *_, **__: None)
        perform(job(of), replace(settings(tmp_path), checkpoint_every=0.0), heard.append)
    notes = [event.note for event in heard if event.note]
    assert len(notes) == ROUNDS - 1
    assert all("No space left on device; training goes on" in note for note in notes)
    assert not list(folder_of(Store(tmp_path), of, (0,)).glob("*"))
    gone_on(tmp_path, job(of))
    assert_same(whole, Store(tmp_path), of, 0)


def test_a_run_that_cannot_be_stored_keeps_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cell(FIXED)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.store.runs.write_whole", full)
        often = replace(settings(tmp_path), checkpoint_every=0.0)
        assert "No space left" in complaint(lambda: perform(job(of), often, lambda _: None))
    found = status_of(of, 0, Store(tmp_path))
    assert (found.state, found.rounds) == ("failed", ROUNDS - 1)
    assert "No space left" in found.note
    assert gone_on(tmp_path, job(of)) == [f"goes on after round {ROUNDS - 1}"]
    assert status_of(of, 0, Store(tmp_path)).state == "done"


def test_of_two_processes_one_makes_the_run(tmp_path: Path) -> None:
    of = cell(FIXED)
    with only_one(Store(tmp_path), of, (0,)) as alone:
        assert alone
        assert status_of(of, 0, Store(tmp_path)).state == "running"
        assert gone_on(tmp_path, job(of)) == ["left to the process that makes it"]
        assert gone_on(tmp_path, job(of, 0, 1)) == ["left to the process that makes it"]
        assert gone_on(tmp_path, job(of, 1)) == []
    assert Store(tmp_path).find(of, 0) is None
    assert gone_on(tmp_path, job(of)) == []
    assert gone_on(tmp_path, job(of)) == ["another process has made it"]


def test_a_rerun_trains_again_what_is_there(tmp_path: Path) -> None:
    of = cell(FIXED)
    store = trained(tmp_path, job(of))
    before = (store.folder(of, 0) / "run.json").stat().st_ino
    perform(job(of), replace(settings(tmp_path), rerun=True), lambda _: None)
    assert (store.folder(of, 0) / "run.json").stat().st_ino != before


def test_how_far_runs_are_and_how_long_they_will_take(tmp_path: Path) -> None:
    of, store = cell(FIXED), Store(tmp_path)
    assert status_of(of, 0, store).state == "not begun"
    trained(tmp_path, job(of, 0))
    stopped(tmp_path, job(of, 1), 4)
    found = [status_of(of, seed, store) for seed in (0, 1, 2)]
    assert [one.state for one in found] == ["done", "interrupted", "not begun"]
    assert [one.rounds for one in found] == [ROUNDS, 4, 0]
    slow = [replace(found[0], seconds=6.0), replace(found[1], seconds=8.0), found[2]]
    left, unknown = seconds_left(slow)
    assert (left, unknown) == (2 * 2.0 + 6 * 1.5, 0)
    assert seconds_left(found[2:]) == (0.0, 1)
    lost = status_of(cell({"rounds": 3}), 0, store)
    assert lost.state == "not begun"


def test_a_state_that_cannot_be_kept_is_refused_in_the_first_round(tmp_path: Path) -> None:
    path = tmp_path / "mine_odd.py"
    text = MINE.replace("w: Globals\n", "w: Globals\n    n: int = 0\n")
    path.write_text(text)
    of = cell({"algorithm": path.stem, **FIXED})
    line = complaint(lambda: perform(Job(of, (0,), str(path)), settings(tmp_path), lambda _: None))
    assert line == f"{path}: State.n: int, allowed: Tensor, None"
    path.write_text(MINE.replace("class State(NamedTuple):", "class State:"))
    line = complaint(lambda: perform(Job(of, (0,), str(path)), settings(tmp_path), lambda _: None))
    assert line == f"{path}: State is not a NamedTuple"


def test_records_written_before_checkpoints_are_still_read() -> None:
    assert record(cell()).diverged is None
