"""Run the guides in an empty folder: write their files, execute their commands and Python."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app

ROOT = Path(__file__).resolve().parent.parent
GUIDES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# file: (\S+)\n")


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_does_what_it_says(
    guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "guide"}
    for language, text in BLOCK.findall(guide.read_text(encoding="utf-8")):
        if named := FILE.match(text):
            Path(named[1]).write_text(text[named.end() :], encoding="utf-8")
        elif language == "python":
            exec(compile(text, str(guide), "exec"), names)
        elif language == "sh":
            for line in text.splitlines():
                _succeed(line)


def _succeed(line: str) -> None:
    python, module, benchmark, *words = shlex.split(line)
    assert (python, module, benchmark) == ("python", "-m", "benchmark")
    done = CliRunner().invoke(app, words)
    allowed = (0, 1) if words[0] == "verify" else (0,)  # 1: other bits, on another processor
    assert done.exit_code in allowed, f"{line}\n{done.output}"


def test_there_are_six_guides_and_a_page_on_python_and_their_links_lead_somewhere() -> None:
    assert len(GUIDES) == 7
    for guide in GUIDES:
        for target in re.findall(r"\]\(([^)#:]+)\)", guide.read_text(encoding="utf-8")):
            assert (guide.parent / target).exists(), f"{guide.name}: {target}"


def test_the_readme_links_every_guide() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [guide.name for guide in GUIDES if f"docs/{guide.name}" not in text] == []
