"""What stops a command and its workers: signals, and a parent that is gone."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.errors import Interrupted
from benchmark.jobs.attempt import Outcome
from benchmark.jobs.cluster import _Command, run_on_cluster
from benchmark.jobs.job import Event
from benchmark.jobs.pool import _Line, _Worker
from benchmark.jobs.stop import Stop
from tests.benchmark.cases import cell, job, settings

THREE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONG = {"algorithm": "pfml", "rounds": 100_000}


@pytest.fixture
def unhandled() -> Iterator[list[int]]:
    """The signals that nothing of ours has handled; they may be ignored outside the test."""
    got = list[int]()
    before = {each: signal.signal(each, lambda n, _: got.append(n)) for each in THREE}
    yield got
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", THREE, ids=lambda number: number.name)
def test_the_first_signal_asks_to_stop_and_the_second_interrupts(
    number: signal.Signals, unhandled: list[int]
) -> None:
    stop = Stop()
    with stop.on_signals():
        assert not stop()
        signal.raise_signal(number)
        assert (stop(), unhandled) == (True, [])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    signal.raise_signal(number)
    assert unhandled == [number]


@pytest.mark.usefixtures("unhandled")
def test_an_ignored_signal_stays_ignored() -> None:
    """As of a command that ``nohup`` starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGHUP)
        assert not stop()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_worker_stops_once_its_parent_is_gone() -> None:
    parents, own = multiprocessing.Pipe()
    line = _Line(own)
    assert not line.stopped()
    parents.close()
    line.tell(Event(job(cell()), 1, {}))
    assert line.stopped()


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_saves_first(tmp_path: Path) -> None:
    often = replace(settings(tmp_path), checkpoint_every=0.0)
    worker = _Worker(multiprocessing.get_context("spawn"), often)
    try:
        worker.begin(job(cell(LONG)))
        message: object = worker.connection.recv()
        worker.process.terminate()
        while isinstance(message, Event):
            message = worker.connection.recv()
        assert "is saved" in str(message)
    finally:
        worker.kill()
        worker.end()
    assert list(tmp_path.rglob("*.checkpoint"))


class Ray:
    """A stand-in for Ray that, as Ray does, handles SIGTERM in its own way once it is started.

    signals: how many come while tasks run; one more comes while Ray shuts down.
    """

    exceptions = SimpleNamespace(RayTaskError=KeyError, RayError=KeyError)

    def __init__(self, signals: int) -> None:
        self.signals = signals

    def init(self, **_: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: pytest.fail("Ray's handler"))

    def remote(self, **_: object) -> Callable[..., object]:
        return lambda _: SimpleNamespace(remote=self.begun)

    def begun(self, _: object, __: object, command: _Command) -> str:
        self.token = command.token
        return "task"

    def wait(self, tasks: list[str], timeout: float) -> tuple[list[str], list[str]]:
        if self.signals == 0:
            return tasks, []
        self.signals -= 1
        signal.raise_signal(signal.SIGTERM)
        return [], tasks

    def get(self, _: str) -> tuple[Outcome, str]:
        return Outcome("made" if self.token.exists() else "interrupted", "round 3 is saved"), ""

    def shutdown(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("unhandled")
@pytest.mark.parametrize(("signals", "ends"), [(1, Interrupted), (2, KeyboardInterrupt)])
def test_a_command_on_a_cluster_stops_as_one_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: int, ends: type[BaseException]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", Ray(signals))
    either = (Interrupted, KeyboardInterrupt)  # an interrupt that gets out would end all tests
    with pytest.raises(either) as caught:
        run_on_cluster([job(cell())], settings(tmp_path), "auto", lambda _: None)
    assert caught.type is ends
    assert list(tmp_path.glob(".command-*")) == []
