"""An edited method: comments do not matter; code does, in the file and its imports."""

from pathlib import Path

import pytest

from benchmark.places import ALGORITHMS, COMMITTED
from benchmark.spec import method_code
from benchmark.spec.method_code import code_digest, stands
from benchmark.store import Store
from tests.benchmark.cases import MINE


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("cohort.batches(2):", "cohort.batches(2):  # two", True),
        ('"""Two steps."""', '"""Two steps,\n    and a sentence."""', True),
        ('    """Settings."""\n', '    """Settings."""\n\n    """Of eta."""\n\n', True),
        ("class State", 'NAME = "Mine"\nRANGES = {"eta": (0.1, 1.0)}\n\n\nclass State', True),
        ("class State", "ETA = 0.1\n\n\nclass State", False),
        ("State(cohort.mean(rows))", "State(\n        cohort.mean(rows),\n    )", True),
        ("cohort.batches(2)", "cohort.batches(3)", False),
        ("rows - hyper.eta", "rows + hyper.eta", False),
        ("Positive = 0.1", "Positive = 0.2", False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(
    mine: Path, old: str, new: str, same: bool
) -> None:
    before = code_digest(mine)
    assert old in MINE
    mine.write_text(MINE.replace(old, new), encoding="utf-8")
    assert (code_digest(mine) == before) == same


def test_a_module_beside_the_file_counts_and_others_do_not(mine: Path) -> None:
    mine.write_text("import helper\n" + MINE, encoding="utf-8")
    helper, other = mine.with_name("helper.py"), mine.with_name("other.py")
    helper.write_text("from deeper import step\n", encoding="utf-8")
    mine.with_name("deeper.py").write_text("step = 1\n", encoding="utf-8")
    before = code_digest(mine)
    other.write_text("x = 1\n", encoding="utf-8")
    assert code_digest(mine) == before
    mine.with_name("deeper.py").write_text("step = 2\n", encoding="utf-8")
    assert code_digest(mine) != before


def test_a_run_stands_by_equal_bytes_equal_code_or_verified_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(method_code, "_verified", lambda: {("mine", "new code"): {"verified"}})
    now = ("new", "new code")
    assert stands("mine", ("new", None), now)
    assert stands("mine", ("old", "new code"), now)
    assert stands("mine", ("verified", None), now)
    assert not stands("other", ("verified", None), now)
    assert not stands("mine", ("old", "old code"), now)
    assert not stands("mine", ("old", None), now)


def test_every_committed_run_stands() -> None:
    codes = {path.stem: code_digest(path) for path in ALGORITHMS.glob("[a-z]*.py")}
    stale = [
        folder
        for folder, run in Store(COMMITTED).runs()
        if not stands(run.cell.algorithm, (run.source, run.code), ("", codes[run.cell.algorithm]))
        and run.source != method_code.file_digest(ALGORITHMS / f"{run.cell.algorithm}.py")
    ]
    assert stale == []
