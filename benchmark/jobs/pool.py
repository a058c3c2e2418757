"""Processes that perform jobs one after another, each at the end of a pipe of its own.

Both ends notice when the other is gone: a worker without its parent saves and ends; a worker
that dies loses its job and no other.
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
"""Seconds between two looks at whether to stop."""


def run_in_pool(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    listen: Listener,
    stopped: Callable[[], bool],
) -> list[Outcome]:
    """The outcome of every job, in the order in which they come. No worker outlives the call."""
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
    """A process, the job it performs, and this end of its pipe."""

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
        """Give a job to an idle worker; to a new process where the last one has died."""
        if not self.process.is_alive():
            self._start()
        self.job = job
        with suppress(OSError):  # of a process that has just died: the next look finds out
            self.connection.send(job)

    def hear(self, listen: Listener) -> Outcome | None:
        """Take one message: news are passed on; the outcome of the job is returned."""
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
        """Ask for the end of the job after the round under way."""
        with suppress(OSError):
            self.connection.send(None)

    def kill(self) -> None:
        """End at once."""
        self.process.kill()

    def end(self) -> None:
        """Let an idle process go, and wait for it."""
        self.connection.close()
        self.process.join()


def _work(connection: "Connection[object, object]", settings: Settings) -> None:
    """A worker's life: jobs, until there is nobody left at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    line = _Line(connection)
    signal.signal(signal.SIGTERM, lambda *_: line.told.set())
    prepare_process(settings.threads, settings.precision)
    with suppress(EOFError, OSError):
        while isinstance(job := connection.recv(), Job):
            connection.send(attempt(job, settings, line.tell, line.stopped))


class _Line:
    """A worker's end of its pipe."""

    def __init__(self, connection: "Connection[object, object]") -> None:
        self._connection = connection
        self.told = threading.Event()

    def tell(self, event: Event) -> None:
        """Send news, unless nobody hears them."""
        with suppress(OSError):
            self._connection.send(event)

    def stopped(self) -> bool:
        """True once the parent says so, or is gone."""
        try:
            if self._connection.poll():
                self._connection.recv()
                self.told.set()
        except (EOFError, OSError):
            self.told.set()
        return self.told.is_set()
