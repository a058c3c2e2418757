"""The same jobs on a Ray cluster of two nodes, one of which dies."""

import importlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import Interrupted, JobsFailed
from benchmark.jobs.cluster import node_fault, run_on_cluster
from benchmark.jobs.data import Source
from benchmark.jobs.job import Event
from benchmark.store.locks import folder_of
from tests.benchmark.cases import cell, complaint, job, settings, trained
from tests.benchmark.stops import assert_same

pytestmark = pytest.mark.slow
RAY = str(Path(sys.executable).with_name("ray"))


def node(*options: str) -> "subprocess.Popen[bytes]":
    """A node in a process group of its own, so that it can be lost as a whole."""
    command = [RAY, "start", "--block", "--num-cpus=1", "--node-ip-address=127.0.0.1", *options]
    quiet = {**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    silent = subprocess.DEVNULL
    return subprocess.Popen(
        command, env=quiet, start_new_session=True, stdout=silent, stderr=silent
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address of a cluster of two nodes, and the one that may be lost."""
    if not Path(RAY).exists():
        pytest.skip("Ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    head = node("--head", f"--port={port}", "--include-dashboard=false")
    other = node(f"--address={address}")
    try:
        wait_for_both(address)
        yield address, other
    finally:
        stop(other)
        stop(head)
        subprocess.run([RAY, "stop", "--force"], capture_output=True)


def wait_for_both(address: str) -> None:
    ray: Any = importlib.import_module("ray")
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            if sum(each["Alive"] for each in ray.nodes()) == 2:
                return
        except ConnectionError:
            pass
        finally:
            ray.shutdown()
        time.sleep(1)
    pytest.fail("two nodes did not come up")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
def test_a_lost_node_loses_no_run_and_no_bit(
    tmp_path: Path, cluster: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    address, other = cluster
    of = cell({"algorithm": "pfml", "rounds": 600, "partition.seed": 0})
    jobs = [job(of, seed) for seed in range(4)]
    often = replace(settings(tmp_path / "ray"), checkpoint_every=0.0)
    store, heard = often.store, list[Event]()

    def lose_the_node() -> None:
        """Kill the node once both jobs have begun."""
        until = time.monotonic() + 300
        while time.monotonic() < until:
            begun = [s for s in range(4) if list(folder_of(store, of, (s,)).glob("*.checkpoint"))]
            if len(begun) == 2:
                break
            time.sleep(0.02)
        stop(other)

    killer = threading.Thread(target=lose_the_node)
    killer.start()
    run_on_cluster(jobs, often, address, heard.append)
    killer.join()
    assert sorted(event.job.seeds for event in heard if event.finished) == [(n,) for n in range(4)]
    whole = trained(tmp_path / "whole", *jobs)
    assert_same(whole, store, of, 0, 1, 2, 3)
    runs = [store.find(of, seed) for seed in range(4)]
    assert any(run is not None and "resumed" in run.environment for run in runs)

    again = list[Event]()
    run_on_cluster(jobs[:1], often, address, again.append)
    assert [event.note for event in again] == ["another process has made it"]
    mnist = job(cell({"data.name": "mnist"}))
    with pytest.raises(JobsFailed) as caught:
        run_on_cluster([mnist], settings(tmp_path, Source(tmp_path)), address, again.append)
    assert "mnist" in caught.value.lines[0]


def test_no_cluster_there_is_one_line(tmp_path: Path) -> None:
    line = complaint(lambda: run_on_cluster([], settings(tmp_path), "127.0.0.1:1", lambda _: None))
    assert line.startswith("--ray 127.0.0.1:1: no such cluster")


def test_a_node_without_the_store_or_with_other_versions_is_one_line(tmp_path: Path) -> None:
    here = {"torch": "2.14", "numpy": "2.4"}
    assert node_fault(tmp_path / "token", here, here) == ""
    fault = node_fault(tmp_path / "elsewhere" / "token", here, here)
    assert fault.startswith(f"{tmp_path / 'elsewhere'}: the store is not there")
    fault = node_fault(tmp_path / "token", here, {"torch": "2.11", "scipy": "1.15"})
    assert (
        fault == "other versions: numpy none, not 2.4; scipy 1.15, not none; torch 2.11, not 2.14"
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
def test_a_cluster_saves_when_its_time_is_over(
    tmp_path: Path, cluster: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    """A time limit removes the command's token, as a signal does."""
    of = cell({"algorithm": "pfml", "rounds": 100_000, "evaluate_every": 100_000})
    with pytest.raises(Interrupted, match="is saved"):
        run_on_cluster([job(of, 0)], settings(tmp_path), cluster[0], lambda _: None, 30.0)
    assert list(folder_of(settings(tmp_path).store, of, (0,)).glob("*.checkpoint"))
    assert list(tmp_path.glob(".command-*")) == []
