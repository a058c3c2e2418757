"""Pass events on in a separate thread, so that a failing display does not stop training."""

import queue
import threading
from contextlib import suppress
from types import TracebackType

from benchmark.jobs.job import Event, Listener

MOST = 1000
"""Maximum number of events that wait for a slow terminal; further ones are dropped."""
PATIENCE = 2.0


class News:
    """A context manager whose :meth:`tell` passes events on to a listener.

    A listener that raises gets no further events. A listener that hangs delays only the end of
    the block, and by at most PATIENCE seconds if the block ends by an exception.
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
        """Queue an event; drop it if the listener is too slow."""
        with suppress(queue.Full):
            self._events.put_nowait(event)

    def _pass_on(self) -> None:
        listening = True
        while (event := self._events.get()) is not None:
            try:
                if listening:
                    self._listen(event)
            except Exception:  # such as a closed pipe
                listening = False
