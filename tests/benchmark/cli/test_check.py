"""The command ``check`` on methods inside and outside the repository."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.contract.rules import RULES
from benchmark.places import ALGORITHMS


def checked(path: Path | str, code: int) -> str:
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_built_in_method_keeps_all_rules() -> None:
    assert checked("fedavg", 0) == f"fedavg: {len(RULES)} of {len(RULES)} rules kept\n"


@pytest.mark.parametrize(
    ("old", "new", "rule", "cause"),
    [
        (
            "m - hyper.eta * v",
            "m - hyper.eta * v.mean(0, keepdim=True)",
            "A client's rows, and what it sends, do not depend on who else trains.",
            "a mean, a sum or a norm over dim 0",
        ),
        (
            "m = batch.step(m, m - hyper.eta * v)",
            "m -= hyper.eta * v",
            "No function of a method writes into the tensors it is given.",
            "an operation in place",
        ),
        (
            "eta: Positive",
            "eta: float",
            "numbers out of range: one line that names the field",
            "has no range",
        ),
    ],
)
def test_a_broken_rule_is_explained(
    tmp_path: Path, old: str, new: str, rule: str, cause: str
) -> None:
    text = (ALGORITHMS / "local.py").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    lines = checked(path, 1).splitlines()
    (line,) = [each for each in lines if rule in each]
    assert "Likely causes: " in line
    assert cause in line
    assert lines[-1].endswith("rules kept")


def test_a_file_that_is_no_method_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nothing.py"
    path.write_text("x = 1", encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2
    assert "not a method" in result.output
    assert "Traceback" not in result.output
