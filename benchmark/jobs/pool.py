"""A pool of worker processes, each connected by a pipe, that perform one job after another.

Each side notices if the other dies: a worker without its parent saves its job and ends; when a
worker dies, only its own job fails.
"""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess

from benchmark.jobs.attempt import Outcome, attempt
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import Event, Job, Listener, Settings

PAUSE = 0.2
"""Seconds between two checks whether to stop."""


def run_in_pool(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    listen: Listener,
    stopped: Callable[[], bool],
) -> list[Outcome]:
    """Perform all jobs; return their outcomes as they come in. No worker outlives the call."""
    todo, outcomes = deque(jobs), list[Outcome]()
    context = multiprocessing.get_context("spawn")
    pool = [_Worker(context, settings) for _ in range(min(workers, len(jobs)))]
    told = False
    try:
        for worker in pool:
            worker.begin(todo.popleft())
        while busy := [worker for worker in pool if worker.job is not None]:
            if not told and stopped():
                told = True
                for worker in busy:
                    worker.stop()
            for connection in wait([worker.connection for worker in busy], PAUSE):
                worker = next(each for each in busy if each.connection is connection)
                outcome = worker.hear(listen)
                if outcome is not None:
                    outcomes.append(outcome)
                    if todo and not told:
                        worker.begin(todo.popleft())
        outcomes += [Outcome("interrupted", f"{job.label} was not begun") for job in todo]
    except BaseException:
        for worker in pool:
            worker.kill()
        raise
    finally:
        for worker in pool:
            worker.end()
    return outcomes


class _Worker:
    """A worker process, its current job, and the parent's end of its pipe."""

    def __init__(self, context: SpawnContext, settings: Settings) -> None:
        self._context, self._settings = context, settings
        self.job: Job | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = self._context.Pipe()
        self.process: SpawnProcess = self._context.Process(
            target=_work, args=(theirs, self._settings), daemon=True
        )
        self.process.start()
        theirs.close()

    def begin(self, job: Job) -> None:
        """Give a job to the idle worker; start a new process if the last one has died."""
        if not self.process.is_alive():
            self._start()
        self.job = job
        with suppress(OSError):  # the process has just died, as the next message shows
            self.connection.send(job)

    def hear(self, listen: Listener) -> Outcome | None:
        """Receive one message: pass an event on, or return the outcome of the job."""
        assert self.job is not None
        try:
            message: Event | Outcome = self.connection.recv()
        except (EOFError, OSError):
            message = self._death(self.job)
        if isinstance(message, Event):
            listen(message)
            return None
        if message.kind == "failed":
            listen(Event(self.job, self.job.cell.rounds, {}, True, "failed"))
        self.job = None
        return message

    def _death(self, job: Job) -> Outcome:
        self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        why = " (out of memory?)" if code == -signal.SIGKILL else ""
        return Outcome(
            "failed",
            f"{job.label}: its process ended by {how}{why}; the same command goes on from its "
            "last checkpoint",
        )

    def stop(self) -> None:
        """Ask the worker to stop after the current round."""
        with suppress(OSError):
            self.connection.send(None)

    def kill(self) -> None:
        """Kill the process at once."""
        self.process.kill()

    def end(self) -> None:
        """End an idle process and wait for it."""
        self.connection.close()
        self.process.join()


def _work(connection: "Connection[object, object]", settings: Settings) -> None:
    """The main loop of a worker: jobs, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    line = _Line(connection)
    signal.signal(signal.SIGTERM, lambda *_: line.told.set())
    prepare_process(settings.threads, settings.precision)
    with suppress(EOFError, OSError):
        while isinstance(job := connection.recv(), Job):
            connection.send(attempt(job, settings, line.tell, line.stopped))


class _Line:
    """The worker's end of its pipe."""

    def __init__(self, connection: "Connection[object, object]") -> None:
        self._connection = connection
        self.told = threading.Event()

    def tell(self, event: Event) -> None:
        """Send an event, unless the parent is gone."""
        with suppress(OSError):
            self._connection.send(event)

    def stopped(self) -> bool:
        """True once the parent has asked to stop, or is gone."""
        try:
            if self._connection.poll():
                self._connection.recv()
                self.told.set()
        except (EOFError, OSError):
            self.told.set()
        return self.told.is_set()
