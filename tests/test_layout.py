"""Hold the architecture: who may import whom, names that are ours alone, short files."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from benchmark.places import experiment_names
from benchmark.spec import cells, load_experiment, load_protocol

ROOT = Path(__file__).resolve().parent.parent
CODE = ("algorithms", "benchmark", "datasets", "reports")
NAMES = (*CODE, "results", "tests")
GROUND = {"places", "errors"}
MAY_USE = {
    "places": set(),
    "errors": set(),
    "model": GROUND,
    "models": GROUND | {"model"},
    "spec": GROUND | {"models"},
    "engine": GROUND | {"spec"},
    "algorithm": {"engine"},
    "store": GROUND | {"spec", "engine"},
    "contract": GROUND | {"spec", "engine", "algorithm", "store"},
    "jobs": GROUND | {"spec", "engine", "store"},
    "cli": GROUND | {"spec", "engine", "store", "jobs", "reports", "notebook", "contract"},
    "__main__": {"cli"},
    "notebook": GROUND | {"spec", "store", "jobs", "reports"},
    "__init__": {"notebook"},
}
"""The arrows of the house: a room of benchmark/, and the rooms that it may import."""
FOR_REPORTS = ("places", "errors", "spec", "store")
TORCH_FREE = tuple(f"benchmark.{room}" for room in (*FOR_REPORTS, "spec.grid"))
LONGEST = 300


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} has no Python files"
    return found


def imports(source: str) -> Iterator[str]:
    """Modules that a file imports, anywhere in it; for our own packages, their submodules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module is not None
            whole = node.module in CODE and node.module != "datasets"
            yield from (
                f"{node.module}.{alias.name}" if whole else node.module for alias in node.names
            )


def ours(path: Path) -> set[str]:
    found = imports(path.read_text(encoding="utf-8"))
    return {name for name in found if name.partition(".")[0] in NAMES}


def others(folder: str) -> dict[str, set[str]]:
    """Imports from our other folders, for each file of a folder."""
    return {
        path.relative_to(ROOT).as_posix(): {
            name for name in ours(path) if name.partition(".")[0] != folder
        }
        for path in files(folder)
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch.nn, benchmark.spec", {"torch.nn", "benchmark.spec"}),
        ("from benchmark import store as s", {"benchmark.store"}),
        ("from benchmark.store import Run", {"benchmark.store"}),
        ("def f():\n    if 1:\n        import reports", {"reports"}),
        ("from datasets import Arrays", {"datasets"}),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: set[str]) -> None:
    assert set(imports(source)) == expected


def test_a_method_imports_the_methods_interface_and_nothing_else_of_ours() -> None:
    for path in files("algorithms"):
        assert ours(path) <= {"benchmark.algorithm"}, path.name


def test_datasets_import_nothing_of_ours() -> None:
    assert not any(others("datasets").values())


def room(module: str) -> str:
    """The room of benchmark/ that a dotted module stands in, or another top-level folder."""
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] if top == "benchmark" else top


def test_the_rooms_import_each_other_only_along_the_arrows() -> None:
    for path in files("benchmark"):
        inside = path.relative_to(ROOT / "benchmark").parts[0].removesuffix(".py")
        allowed = MAY_USE[inside] | {inside, "datasets"}
        assert {room(module) for module in ours(path)} <= allowed, path


def test_no_two_rooms_use_each_other() -> None:
    assert not [(a, b) for a, used in MAY_USE.items() for b in used if a in MAY_USE.get(b, ())]


def test_reports_import_what_reads_files_and_nothing_that_runs() -> None:
    for path in files("reports"):
        allowed = {*FOR_REPORTS, "datasets", "reports"}
        assert {room(module) for module in ours(path)} <= allowed, path


def test_reports_and_what_they_import_never_load_torch() -> None:
    modules = [path.relative_to(ROOT).with_suffix("") for path in files("reports")]
    names = sorted({".".join(m.parts).removesuffix(".__init__") for m in modules} | {*TORCH_FREE})
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_answers_without_torch_or_tables() -> None:
    """Slow modules are imported where they are used, so ``status`` and ``--help`` are quick."""
    program = (
        "import sys, benchmark.cli.commands, benchmark.cli.progress, benchmark.store.status\n"
        "slow = {'torch', 'pandas', 'pyarrow', 'matplotlib', 'sklearn'} & {*sys.modules}\n"
        "assert not slow, slow\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def calls(path: Path) -> set[str]:
    """Names of functions that a file calls: ``print``, ``x.write_bytes`` as ``write_bytes``, …"""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = [node.func for node in nodes if isinstance(node, ast.Call)]
    return {
        f.attr if isinstance(f, ast.Attribute) else f.id
        for f in functions
        if isinstance(f, ast.Attribute | ast.Name)
    }


def test_only_the_command_line_prints() -> None:
    for path in [*files("benchmark"), *files("datasets"), *files("algorithms")]:
        if "cli" not in path.parts:
            assert "print" not in calls(path), path


def test_the_engine_writes_to_no_disk() -> None:
    writes = {
        "open",
        "write_bytes",
        "write_text",
        "mkdir",
        "unlink",
        "rename",
        "save",
    }
    for path in files("benchmark/engine"):
        assert not calls(path) & writes, path


def test_only_jobs_start_processes() -> None:
    starts = {"multiprocessing", "subprocess", "concurrent.futures", "ray"}
    for path in files("benchmark"):
        used = set(imports(path.read_text(encoding="utf-8"))) & starts
        assert not used or "jobs" in path.parts, path


def test_every_room_says_what_it_is_and_is_on_the_map() -> None:
    plan = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in ("cli", "jobs", "contract", "store", "engine", "spec"):
        text = (ROOT / "benchmark" / name / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), name
        assert f"`{name}/`" in plan, name


def test_no_installed_distribution_owns_a_folder_name_of_ours() -> None:
    # Our own distribution holds no package; a build leaves its list of sources in the checkout.
    owners = {
        name: set(found) - {"pfl-benchmark"} for name, found in packages_distributions().items()
    }
    assert {name: owners[name] for name in NAMES if owners.get(name)} == {}


def test_no_python_file_is_too_long_to_read() -> None:
    every = (path for folder in (*CODE, "tests") for path in files(folder))
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in every}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "benchmark" / "protocols").glob("*.toml")))
def test_every_protocol_parses(path: Path) -> None:
    assert load_protocol(path.stem).name == path.stem


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_parses_and_has_cells_under_each_protocol_and_profile(name: str) -> None:
    experiment = load_experiment(name)
    for protocol in experiment.protocols:
        for profile in experiment.profiles.values():
            assert cells(experiment, load_protocol(protocol), profile)
