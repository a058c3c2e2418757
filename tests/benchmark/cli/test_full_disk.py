"""On a full disk every command names the file that it could not write."""

import errno
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from tests.benchmark.cases import EXPERIMENT

FULL = Path("/dev/full")
"""Every write to it fails as on a full disk."""
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An experiment and the store with its runs."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.toml").write_text(EXPERIMENT, encoding="utf-8")
    words = [str(folder / "tiny.toml"), "--profile", "smoke", "--store", str(folder / "runs")]
    done = CliRunner().invoke(app, ["run", *words, "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return words


def refused(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2, done.output
    line = done.stderr.strip()
    assert "\n" not in line
    assert line.endswith("cannot be written: No space left on device")
    return line


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_export_names_its_table(form: str, made: list[str], tmp_path: Path) -> None:
    (tmp_path / f"scores.{form}").symlink_to(FULL)
    words = ("--format", form, "--out", str(tmp_path))
    assert f"{tmp_path}/scores.{form}" in refused("export", *made, *words)


@pytest.mark.parametrize("form", ["pdf", "png", "eps"])
def test_a_figure_names_its_file(
    form: str, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    words = ("figure", *made, "--format", form, "--out", str(tmp_path))
    assert CliRunner().invoke(app, list(words)).exit_code == 0
    assert (tmp_path / f"tiny.{form}").stat().st_size > 1000
    monkeypatch.setattr("datasets.files._write", full)
    assert f"{tmp_path}/tiny.{form}" in refused(*words)


def test_a_heat_map_names_its_file(made: list[str], tmp_path: Path) -> None:
    words = ("partition", "show", made[0], "--out", str(tmp_path))
    assert CliRunner().invoke(app, list(words)).exit_code == 0
    (path,) = tmp_path.glob("*.png")
    path.unlink()
    path.symlink_to(FULL)
    assert str(path) in refused(*words)


def test_a_report_names_its_draft(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(import_module("reports.rendering"), "_write", full)
    assert "tmp" in refused("report", *made, "--out", str(tmp_path / "pages"))
    assert not (tmp_path / "pages").exists()
