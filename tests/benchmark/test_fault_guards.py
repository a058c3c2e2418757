"""Every guard against a fault, removed in a copy of the project: the fault's test fails there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmark import guards_of_jobs, guards_of_pages, guards_of_store
from tests.benchmark.guards import Guard

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("algorithms", "benchmark", "datasets", "reports", "tests", "pyproject.toml")


GUARDS = [*guards_of_store.GUARDS, *guards_of_jobs.GUARDS, *guards_of_pages.GUARDS]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "rendered")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "results" / "published", root / "results" / "published")
    return root


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.fault)
def test_without_its_guard_a_fault_is_noticed(guard: Guard, copied: Path) -> None:
    path = copied / guard.file
    text = path.read_text(encoding="utf-8")
    assert text.count(guard.old) == 1, f"{guard.file}: {text.count(guard.old)} times"
    path.write_text(text.replace(guard.old, guard.new), encoding="utf-8")
    try:
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        found = subprocess.run(
            [*command, f"tests/{guard.test}"],
            cwd=copied,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        path.write_text(text, encoding="utf-8")
    assert "SKIPPED" not in found.stdout
    assert found.returncode == 1, found.stdout + found.stderr
