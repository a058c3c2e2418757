"""News of jobs, passed on in a thread of its own: nothing that fails there reaches training."""

import queue
import threading
from contextlib import suppress
from types import TracebackType

from benchmark.jobs.job import Event, Listener

MOST = 1000
"""Events that wait for a slow terminal; more are dropped."""
PATIENCE = 2.0


class News:
    """A context manager whose :meth:`tell` passes events on to a listener.

    A listener that raises hears nothing more; one that hangs keeps nobody waiting before the
    block ends, and then for PATIENCE seconds at most where it ends by an exception.
    """

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._events: queue.Queue[Event | None] = queue.Queue(MOST)
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> "News":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(queue.Full):
            self._events.put(None, timeout=None if kind is None else PATIENCE)
        self._thread.join(None if kind is None else PATIENCE)

    def tell(self, event: Event) -> None:
        """Pass an event on, if the listener can keep up."""
        with suppress(queue.Full):
            self._events.put_nowait(event)

    def _pass_on(self) -> None:
        listening = True
        while (event := self._events.get()) is not None:
            try:
                if listening:
                    self._listen(event)
            except Exception:  # such as a pipe that nobody reads any more
                listening = False
