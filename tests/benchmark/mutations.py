"""Valid files with changed bytes, which a reader must read or refuse in one line."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from datasets.errors import OneLineError

SECONDS = 10
"""Longer than any reader needs on a slow machine; a reader that takes longer hangs."""

SPLICES = (
    *(b"\0", b"\0" * 64, b"\xff\xfe", b"\n", b"\r\n", b'"', b"'''", b"\\", b"#", b"=", b","),
    *(b"9" * 40, b"9" * 5000, b"-1", b"0", b"1e999", b"-1e-400", b"nan", b"inf", b"0x7fffffff"),
    *(b"true", b"null", b"None", b"1979-05-27", b"18446744073709551616", b"\x7f\xff\xff\xff"),
    *(b"[" * 2000, b"{" * 2000, b"(" * 300, b"a." * 500, b"[[" * 50, b"[]", b"{}", b"}", b"]"),
    *("é".encode(), "\u202e\u2028".encode(), "😀".encode(), b"\xed\xa0\x80", b"\x1b[2J"),
    *(b"../" * 4, b"/etc/passwd", b"A" * 5000, b"\xff" * 8, b"\x80" * 10),
)


TIMES = int(os.environ.get("PFL_FUZZ", "1"))


def fuzzed(examples: int) -> settings:
    """The same mutants everywhere and always; with PFL_FUZZ=N, N times as many new ones."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def mutants(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """One of the files after one to four mutations."""
    blob = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(blob)))
        end = min(len(blob), start + draw(st.integers(0, 64)))
        match draw(st.integers(0, 6)):
            case 0:
                flipped = (
                    bytes([blob[start] ^ 1 << draw(st.integers(0, 7))]) if end > start else b""
                )
                blob = blob[:start] + flipped + blob[start + 1 :]
            case 1:
                blob = blob[:start] + draw(st.binary(min_size=1, max_size=8)) + blob[start:]
            case 2:
                blob = blob[:start] + blob[end:]
            case 3:
                blob = blob[:end] + blob[start:end] * draw(st.integers(1, 20)) + blob[end:]
            case 4:
                blob = blob[:start]
            case 5:
                blob = blob[:start] + draw(st.sampled_from(SPLICES)) + blob[start:]
            case _:
                blob = blob[:start] + draw(st.sampled_from(SPLICES)) + blob[end:]
    return blob


class Hangs(BaseException):
    """An exception that no reader's ``except Exception`` catches."""


@contextmanager
def within(seconds: int = SECONDS) -> Iterator[None]:
    """Raise :class:`Hangs` if the block takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hangs(f"{seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read_or_refused(read: Callable[[], object], *named: object) -> bool:
    """True if it was read; otherwise require one printable line that has every part ``named``."""
    try:
        with within():
            read()
    except OneLineError as error:
        line = str(error)
        assert line.isprintable(), line
        assert 0 < len(line) < 2001
        for part in named:
            assert str(part) in line, line
        return False
    return True
