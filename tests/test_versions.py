"""The versions that the project runs with: of constraints.txt, the lowest and the newest."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmark.jobs.environment import CAN_CHANGE_NUMBERS, distributions

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
OPTIONAL = [
    Requirement(text) for every in PROJECT["optional-dependencies"].values() for text in every
]
TESTERS = ("pytest", "pytest-benchmark", "hypothesis", "numba")
RESUMING = ("-m", "pytest", "-q", "-W", "default", "tests/benchmark/store/test_checkpoint.py")
QUICK = ("-m", "benchmark", "run", "digits", "--profile", "smoke", "--jobs", "1")


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {canonicalize_name(name): version for name, version in pairs}


def test_constraints_pin_a_version_that_is_allowed_of_all_that_is_needed() -> None:
    versions = pinned()
    for requirement in NEEDED + OPTIONAL:
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_ci_uses_the_constraints_and_the_readme_names_them() -> None:
    for name in (".ci/run", "README.md"):
        assert "PIP_CONSTRAINT" in (ROOT / name).read_text(encoding="utf-8"), name


def test_records_name_every_distribution_that_can_change_a_number() -> None:
    needed = {canonicalize_name(each.name) for each in NEEDED}
    only_shown = {"matplotlib", "seaborn", "typer", "rich", "jinja2", "torchvision"}
    only_kept = {"pyarrow", "pydantic", "filelock", "safetensors"}
    assert needed - only_shown - only_kept <= {*CAN_CHANGE_NUMBERS}
    assert {"torch", "numpy", "scipy", "scikit-learn", "pandas"} <= distributions().keys()


def lowest(requirement: Requirement) -> str:
    (bound,) = requirement.specifier
    exact = bound.version if bound.version.count(".") > 1 else f"{bound.version}.*"
    return f"{requirement.name}=={exact}"


@pytest.mark.slow
@pytest.mark.skipif("PFL_VERSIONS" not in os.environ, reason="on demand: set PFL_VERSIONS=1")
@pytest.mark.parametrize("which", ["lowest", "newest"])
def test_the_lowest_and_the_newest_versions_train_report_and_resume(
    tmp_path: Path, which: str
) -> None:
    """Downloads gigabytes and takes a quarter of an hour."""
    python = tmp_path / "venv" / "bin" / "python"
    bounds = tmp_path / "bounds.txt"
    bounds.write_text("\n".join({*map(lowest, NEEDED + OPTIONAL)}) if which == "lowest" else "")
    without = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    commands: tuple[list[str | Path], ...] = (
        [sys.executable, "-m", "venv", tmp_path / "venv"],
        [python, "-m", "pip", "install", "-q", "-c", bounds, ROOT, *TESTERS],
        [python, *QUICK, "--store", tmp_path / "runs"],
        [python, *RESUMING],
    )
    for command in commands:
        subprocess.run(command, cwd=ROOT, env=without, check=True)
