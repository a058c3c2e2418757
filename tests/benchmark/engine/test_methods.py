"""Methods from files: what load_method accepts, and how it refuses the rest."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark import places
from benchmark.engine.methods import load_method
from benchmark.places import ALGORITHMS, algorithm_names
from tests.benchmark.cases import MINE, complaint


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "mine_from_test.py"
    path.write_text(MINE)
    yield path
    sys.modules.pop(f"algorithms.{path.stem}", None)


def test_a_method_is_loaded_by_name_and_by_the_path_of_its_file() -> None:
    for name in algorithm_names():
        named, found = load_method(name), load_method(str(ALGORITHMS / f"{name}.py"))
        assert named.path == found.path == ALGORITHMS / f"{name}.py"
        assert named.name == found.name == name
        assert named.source == found.source
        assert named.settings({}) == found.settings({})


def test_a_file_anywhere_is_a_method(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method = load_method(str(mine))
    assert (method.name, method.path) == (mine.stem, mine)
    assert method.settings({}) == {"eta": 0.1}
    assert method.settings({"eta": 1}) == {"eta": 1.0}
    monkeypatch.chdir(mine.parent)
    assert load_method(mine.name).path == mine


def test_a_file_dropped_into_the_folder_is_found_by_name(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ALGORITHMS", mine.parent)
    assert algorithm_names() == [mine.stem]
    assert load_method(mine.stem).path == mine
    assert mine.stem in complaint(lambda: load_method("fedavg"))


def test_the_source_names_the_code_that_was_loaded_even_if_the_file_changes(mine: Path) -> None:
    method = load_method(str(mine))
    before = method.source
    mine.write_text(MINE + "\n# edited while it runs\n")
    assert method.source == before
    assert load_method(str(mine)).source != before


@pytest.mark.parametrize("part", ["Hyper", "State", "init", "train_round", "personal_models"])
def test_every_missing_part_is_named(mine: Path, part: str) -> None:
    mine.write_text(MINE + f"\n\ndel {part}\n")
    line = complaint(lambda: load_method(str(mine)))
    assert str(mine) in line
    assert line.endswith(f"it lacks {part}")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def init(:", "SyntaxError"),
        ("raise RuntimeError('no\\nluck')", "RuntimeError"),
        ("import nothing_of_this_name", "nothing_of_this_name"),
        (MINE.replace("@dataclass(frozen=True, kw_only=True)\n", ""), "Hyper is not a dataclass"),
        (MINE + "\nclass Hyper: ...\n", "Hyper is not a dataclass"),
        ("\0", ""),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_naming_it(
    mine: Path, source: str, said: str
) -> None:
    mine.write_text(source)
    line = complaint(lambda: load_method(str(mine)))
    assert str(mine) in line
    assert said in line


def test_a_path_that_leads_nowhere_is_told_what_is_allowed(tmp_path: Path) -> None:
    line = complaint(lambda: load_method(str(tmp_path / "gone.py")))
    for part in ("gone.py", "fedavg", "pfml", ".py file"):
        assert part in line
    (tmp_path / "folder.py").mkdir()
    assert "folder.py" in complaint(lambda: load_method(str(tmp_path / "folder.py")))


@pytest.mark.parametrize("value", [0, -0.5, float("nan"), float("inf"), "0.1", True, [0.1]])
def test_a_setting_out_of_range_is_one_line_naming_it(mine: Path, value: float) -> None:
    line = complaint(lambda: load_method(str(mine)).settings({"eta": value}))
    assert line.startswith(f"{mine.name}: hyper.eta: ")


def test_an_unknown_setting_is_told_which_there_are(mine: Path) -> None:
    line = complaint(lambda: load_method(str(mine)).settings({"lam": 15.0}))
    assert line == f"{mine.name}: unknown hyper.lam, allowed: eta"


def test_a_setting_without_a_default_is_named_when_it_is_not_given(mine: Path) -> None:
    mine.write_text(MINE.replace("Positive = 0.1", "Positive"))
    method = load_method(str(mine))
    assert method.settings({"eta": 0.5}) == {"eta": 0.5}
    assert "hyper.eta: " in complaint(lambda: method.settings({}))
