"""Jobs performed in this process or in several; a signal or a failure loses nothing."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event as Flag

from benchmark.errors import BenchmarkError, Interrupted
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import Event, Job, Listener, Settings, raise_first
from benchmark.jobs.perform import perform
from datasets import DataError
from datasets.errors import OneLineError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_all(jobs: Sequence[Job], settings: Settings, workers: int, listen: Listener) -> None:
    """Perform every job, in this process if ``workers`` is 1, else in that many of their own.

    A job that fails does not keep the others from being done; the first error is raised at
    the end. Missing data are an error at once. SIGINT and SIGTERM finish the rounds under way,
    save them and raise Interrupted; a second one does not wait.
    """
    failed: list[OneLineError] = []
    if workers == 1:
        prepare_process(settings.threads, settings.precision)
        asked = threading.Event()
        with on_signals(asked.set):
            for job in jobs:
                if asked.is_set():
                    raise Interrupted(f"{job.label} was not begun")
                try:
                    perform(job, settings, listen, asked.is_set)
                except DataError:
                    raise
                except OneLineError as error:
                    failed.append(error)
    else:
        _run_in_workers(jobs, settings, workers, listen, failed)
    raise_first(failed, len(jobs))


@contextmanager
def on_signals(ask: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks; the second raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def first(number: int, frame: object) -> None:
        for each in SIGNALS:
            signal.signal(each, second)
        ask()

    def second(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, first) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _run_in_workers(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    listen: Listener,
    failed: list[OneLineError],
) -> None:
    context = multiprocessing.get_context("spawn")
    news: SimpleQueue[Event | None] = context.SimpleQueue()
    asked = context.Event()
    relay = threading.Thread(target=_relay, args=(news, listen), daemon=True)
    start = (settings.threads, settings.precision, news, asked)
    with (
        on_signals(asked.set),
        ProcessPoolExecutor(workers, context, _prepare_worker, start) as pool,
    ):
        relay.start()
        futures = [pool.submit(_perform_in_worker, job, settings) for job in jobs]
        try:
            _collect(futures, failed)
        except BrokenProcessPool:
            raise BenchmarkError(
                "a worker process died (out of memory?): finished runs and checkpoints are kept; "
                "the same command with fewer --jobs goes on"
            ) from None
        except (Interrupted, DataError):
            asked.set()
            pool.shutdown(cancel_futures=True)  # waits until the others have saved too
            raise
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            pool.shutdown(cancel_futures=True)  # waits: no worker outlives the command
            raise
        finally:
            news.put(None)
            relay.join()


def _collect(futures: Sequence[Future[None]], failed: list[OneLineError]) -> None:
    for future in as_completed(futures):
        try:
            future.result()
        except DataError:
            raise
        except OneLineError as error:
            failed.append(error)


_news: "SimpleQueue[Event | None]"
_asked: Flag
_told = threading.Event()  # this worker alone, by a signal of its own


def _prepare_worker(
    threads: int, precision: str, news: "SimpleQueue[Event | None]", asked: Flag
) -> None:
    global _news, _asked
    _news, _asked = news, asked
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, lambda *_: _told.set())
    prepare_process(threads, precision)


def _perform_in_worker(job: Job, settings: Settings) -> None:
    if _stopped():
        raise Interrupted(f"{job.label} was not begun")
    perform(job, settings, _news.put, _stopped)


def _stopped() -> bool:
    return _told.is_set() or _asked.is_set()


def _relay(news: "SimpleQueue[Event | None]", listen: Listener) -> None:
    while (event := news.get()) is not None:
        listen(event)
