"""Perform jobs in this process or in several; signals and failures lose no finished round."""

from collections.abc import Sequence

from benchmark.errors import Interrupted, JobsFailed
from benchmark.jobs.attempt import Outcome, attempt
from benchmark.jobs.data import require
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import Job, Listener, Settings
from benchmark.jobs.news import News
from benchmark.jobs.pool import run_in_pool
from benchmark.jobs.stop import Stop


def run_all(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    listen: Listener,
    time_limit: float | None = None,
) -> None:
    """Perform every job, in this process if ``workers`` is 1, else in that many processes.

    Raises an error at once if the store cannot be written to or a data set's files are missing.
    If a job fails, the others are still done, and JobsFailed is raised at the end. After
    ``time_limit`` seconds, or a signal, the current rounds are finished and saved, and Interrupted
    is raised. A second signal stops at once.
    """
    settings.store.require_writable()
    require((job.cell.data.name for job in jobs), settings.source)
    stop = Stop(time_limit)
    with News(listen) as news, stop.on_signals():
        if workers == 1:
            prepare_process(settings.threads, settings.precision)
            outcomes = [attempt(job, settings, news.tell, stop) for job in jobs]
        else:
            outcomes = run_in_pool(jobs, settings, workers, news.tell, stop)
        conclude(outcomes)


def conclude(outcomes: Sequence[Outcome]) -> None:
    """Raise Interrupted if a job was interrupted; otherwise JobsFailed if any failed."""
    interrupted = [outcome.text for outcome in outcomes if outcome.kind == "interrupted"]
    failed = [outcome.text for outcome in outcomes if outcome.kind == "failed"]
    if interrupted:
        raise Interrupted(interrupted[0])
    if failed:
        raise JobsFailed(failed, len(outcomes))
