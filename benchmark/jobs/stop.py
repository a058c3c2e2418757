"""Stop a command early: at a signal, or after its time limit."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stop:
    """Tells whether to stop; cheap, because it is asked after every round.

    seconds: time limit of this command. None: no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._asked = threading.Event()
        self._end = None if seconds is None else time.monotonic() + seconds

    def ask(self) -> None:
        """Ask to stop after the current rounds."""
        self._asked.set()

    def __call__(self) -> bool:
        """True if the command is to stop."""
        return self._asked.is_set() or (self._end is not None and time.monotonic() >= self._end)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """In the block, the first of SIGNALS asks to stop; the second raises KeyboardInterrupt."""
        with on_signals(self.ask):
            yield


@contextmanager
def on_signals(ask: Callable[[], None]) -> Iterator[None]:
    """Call ``ask`` at the first unignored one of SIGNALS; raise KeyboardInterrupt at the next."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    handled = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]

    def first(number: int, frame: object) -> None:
        for each in handled:
            signal.signal(each, second)
        ask()

    def second(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, first) for each in handled}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
