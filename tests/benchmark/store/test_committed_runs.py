"""Every committed run is in its place and loads."""

import shutil
import subprocess

import pytest

from benchmark.places import RESULTS, ROOT
from benchmark.spec import Cell
from benchmark.store import Store, read_table

COMMITTED = Store(RESULTS / "reproduction")
RUNS = list(COMMITTED.runs())


def test_there_are_committed_runs() -> None:
    assert len(RUNS) > 400


def test_every_committed_run_lies_in_the_folder_that_its_cell_names() -> None:
    misplaced = [folder for folder, run in RUNS if folder != COMMITTED.folder(run.cell, run.seed)]
    assert misplaced == []


@pytest.mark.parametrize("name", ["history.parquet", "clients.parquet"])
def test_every_committed_table_is_whole(name: str) -> None:
    for folder, run in RUNS:
        assert len(read_table(folder, run, name)), folder


def test_a_cell_written_out_again_keeps_its_digest() -> None:
    for _, run in RUNS:
        assert Cell.model_validate_json(run.cell.model_dump_json()).digest == run.cell.digest


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_every_committed_run_names_a_commit_of_this_repository() -> None:
    if not shutil.which("git") or git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("no git history here")
    made = {run.environment["commit"] for _, run in RUNS}
    assert [commit for commit in made if git("cat-file", "-t", commit) != "commit"] == []
