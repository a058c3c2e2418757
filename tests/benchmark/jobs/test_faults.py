"""Processes that are killed, interrupted, or out of disk: for real."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import Job
from benchmark.jobs.perform import perform
from benchmark.spec import Cell, cells, load_experiment, load_protocol, profile_of
from benchmark.store import Store
from benchmark.store.locks import folder_of
from benchmark.store.status import status_of
from tests.benchmark.cases import EXPERIMENT, ROOT, cell, job, settings, trained
from tests.benchmark.stops import assert_same

pytestmark = pytest.mark.slow
KILLS = 50
LONG = {"rounds": 60, "partition.seed": 0}


def _perform(of: Job, root: Path) -> None:
    prepare_process(1)
    perform(of, replace(settings(root), checkpoint_every=0.0), lambda _: None)


@pytest.fixture(scope="module")
def warm() -> Any:
    """Worker processes that have torch imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.benchmark.jobs.test_faults", "sklearn.datasets"])
    return context


def test_fifty_kills_at_random_moments_change_no_bit(tmp_path: Path, warm: Any) -> None:
    """A checkpoint is written in every round, so that many kills interrupt a write."""
    chance = random.Random(7)
    names = ("pfml", "fedavg", "pfedme", "perfedavg", "local")
    made = {name: cell({"algorithm": name, **LONG}) for name in names}
    prepare_process(1)
    whole = trained(tmp_path / "whole", *(job(of) for of in made.values()))
    kills, runs = 0, 0
    while kills < KILLS:
        runs += 1
        assert runs < 500, "runs are over before they can be killed"
        of = made[names[runs % len(names)]]
        root = tmp_path / f"run-{runs}"
        before = kills
        while Store(root).find(of, 0) is None:
            process = warm.Process(target=_perform, args=(job(of), root))
            process.start()
            process.join(chance.uniform(0.1, 1.5))
            process.kill()
            process.join()
            kills += process.exitcode == -signal.SIGKILL
            assert process.exitcode in (0, -signal.SIGKILL)
            assert kills - before < 100, "no run comes to its end"
        process = warm.Process(target=_perform, args=(job(of), root))  # nothing is left to do
        process.start()
        process.join()
        assert_same(whole, Store(root), of, 0)
    assert kills >= KILLS


def started(experiment: Path, store: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmark", "run", str(experiment), "--store", str(store)]
    return subprocess.Popen(
        [*command, "--device", "cpu", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    """Even where the tests run in the background of a shell, which lets them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    text = EXPERIMENT.replace("rounds = 4", "rounds = 150").replace(', "local"', "")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_a_signal_finishes_the_round_and_says_how_to_go_on(
    tmp_path: Path, experiment: Path, number: signal.Signals, jobs: int
) -> None:
    (of,) = _cells(experiment)
    cut = Store(tmp_path / "cut")
    often = ("--checkpoint-every", "0")
    process = started(experiment, cut.root, "--jobs", str(jobs), *often)
    running = wait_for_a_checkpoint(cut, of, process)
    process.send_signal(number)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 130, (out, error)
    assert error.startswith("interrupted: digits/mlr fedavg seed ")
    assert error.endswith("of 150 is saved; the same command goes on\n")
    found = status_of(of, running, cut)
    assert (found.state, found.rounds > 0) == ("interrupted", True)
    process = started(experiment, cut.root, "--jobs", str(jobs))
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert "goes on after round" in out
    whole = Store(tmp_path / "whole")  # with as many threads a process
    started(experiment, whole.root, "--jobs", str(jobs)).communicate(timeout=300)
    assert_same(whole, cut, of, 0, 1)


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Worker processes of a command, from /proc: ``ps`` cuts lines to the terminal's width."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == process.pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_without_their_parent_save_and_end(tmp_path: Path, experiment: Path) -> None:
    (of,) = _cells(experiment)
    cut = Store(tmp_path / "cut")
    process = started(experiment, cut.root, "--jobs", "2", "--checkpoint-every", "0")
    wait_for_a_checkpoint(cut, of, process)
    workers = workers_of(process)
    assert len(workers) == 2
    process.kill()
    process.communicate()
    until = time.monotonic() + 60
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_alive, workers))
    process = started(experiment, cut.root, "--jobs", "2")
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert "left to the process" not in out
    whole = Store(tmp_path / "whole")
    started(experiment, whole.root, "--jobs", "2").communicate(timeout=300)
    assert_same(whole, cut, of, 0, 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_reader_that_goes_away_stops_no_run(tmp_path: Path, experiment: Path, jobs: int) -> None:
    process = started(experiment, tmp_path / "runs", "--jobs", str(jobs))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert Store(tmp_path / "runs").seeds(*_cells(experiment)) == [0, 1]


def test_after_its_time_a_command_saves_and_says_how_to_go_on(
    tmp_path: Path, experiment: Path
) -> None:
    text = experiment.read_text("utf-8").replace("rounds = 150", "rounds = 100000")
    experiment.write_text(text, encoding="utf-8")
    process = started(experiment, tmp_path / "runs", "--jobs", "1", "--time-limit", "2s")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert error.endswith("of 100000 is saved; the same command goes on\n")


def _cells(experiment: Path) -> list[Cell]:
    words = load_experiment(str(experiment))
    return cells(words, load_protocol("as_described"), profile_of(words, "paper"))


def wait_for_a_checkpoint(store: Store, of: Cell, process: "subprocess.Popen[str]") -> int:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        for seed in (0, 1):
            if list(folder_of(store, of, (seed,)).glob("*.checkpoint")):
                return seed
        time.sleep(0.05)
    raise AssertionError(process.communicate())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_line_and_room_made_lets_the_run_go_on(
    tmp_path: Path, small_disk: Path
) -> None:
    of = cell({"algorithm": "pfml", **LONG})
    ballast = small_disk / "ballast"
    trained(small_disk, job(cell({"partition.seed": 0})))  # the partition has its place
    ballast.write_bytes(bytes(_room(small_disk) - 8192))
    experiment = tmp_path / "one.toml"
    experiment.write_text(EXPERIMENT.replace("seeds = 2", "seeds = 1"), encoding="utf-8")
    process = started(experiment, small_disk, "--jobs", "1")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert error.startswith("failed: digits/mlr fedavg seed 0: ")
    assert error.endswith("2 of 2 jobs failed; the same command tries them again\n")
    assert error.count("No space left on device") == 2
    ballast.unlink()
    perform(job(of), settings(small_disk), lambda _: None)
    assert_same(trained(tmp_path / "whole", job(of)), Store(small_disk), of, 0)


def _room(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_bsize


def test_a_store_that_is_only_read_is_one_line(tmp_path: Path, small_disk: Path) -> None:
    experiment = tmp_path / "one.toml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    process = started(experiment, small_disk, "--jobs", "1")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert error.count("\n") == 1
    assert "Read-only file system" in error
