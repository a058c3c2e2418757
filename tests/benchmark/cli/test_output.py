"""Text is printed as it is, in any encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.output import Plain, console, table
from benchmark.cli.progress import Display
from benchmark.jobs.job import Event
from tests.benchmark.cases import EXPERIMENT, ROOT, cell, job


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_an_encoding_lacks_is_replaced(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(EXPERIMENT.replace("Tiny", "λ – ☃"), encoding="utf-8")
    command = [sys.executable, "-m", "benchmark", "run", str(path), "--profile", "smoke"]
    command += ["--algorithm", "local", "--store", str(tmp_path / "runs"), "--jobs", "1"]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert ("☃" in text) == (encoding == "utf-8")
    assert "?" in text or encoding == "utf-8"


@pytest.mark.parametrize("text", ["[/b]", "[red]red[/red]", ":smiley:", "[link=x]y[/link]"])
def test_nothing_is_read_as_markup(text: str) -> None:
    shown = table(text)
    shown.add_row(text)
    with console.capture() as captured:
        console.print(text)
        console.print(shown)
    assert captured.get().count(text) == 3
    live = Plain(force_terminal=True)
    work = job(cell())
    with live.capture() as captured, Display(live, [work]) as display:
        display.listen(Event(work, 1, {}, note=text))
    assert text in captured.get()


def test_a_command_whose_reader_is_gone_goes_on_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    command = f"{sys.executable} -m benchmark run {path} --profile smoke --store {tmp_path}/runs"
    script = f"set -o pipefail; {command} --jobs 1 | head -1"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"2 jobs")
    assert (tmp_path / "runs" / "report" / "smoke" / "index.html").is_file()


def test_a_reader_that_is_gone_does_not_stop_training(tmp_path: Path) -> None:
    class Gone:
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None: ...

    work = job(cell())
    with Display(Plain(file=Gone()), [work]) as display:
        for rounds in (1, 2):
            display.listen(Event(work, rounds, {}, finished=rounds == 2, note="news"))
