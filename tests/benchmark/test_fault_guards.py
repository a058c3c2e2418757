"""Every guard against a fault, removed in a copy of the project: the fault's test fails there."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("algorithms", "benchmark", "datasets", "reports", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Guard:
    """In ``file``, ``old`` (there once) guards against a fault; with ``new``, ``test`` fails."""

    fault: str
    file: str
    old: str
    new: str
    test: str


RESUME, STORE, FAULTS = (
    f"benchmark/{name}.py"
    for name in ("store/test_checkpoint", "store/test_runs", "jobs/test_faults")
)
DAMAGE, WORKERS = (f"benchmark/jobs/test_{n}.py" for n in ("damage", "workers"))
REACH = "benchmark/engine/test_guards.py"
GUARDS = [
    Guard(
        "a damaged checkpoint",
        "benchmark/store/header.py",
        "if hashlib.sha256(body).hexdigest().encode() != digest:",
        "if False:",
        f"{RESUME}::test_two_checkpoints_are_kept_and_a_damaged_one_gives_way_to_the_other",
    ),
    Guard(
        "a truncated checkpoint",
        "benchmark/store/header.py",
        "if hashlib.sha256(body).hexdigest().encode() != digest:",
        "if False:",
        f"{RESUME}::test_a_truncated_checkpoint_is_refused",
    ),
    Guard(
        "a checkpoint of another run",
        "benchmark/store/checkpoint.py",
        "if header.identity != self.identity:",
        "if False:",
        f"{RESUME}::test_a_checkpoint_of_another_run_is_refused",
    ),
    Guard(
        "a checkpoint of an older engine",
        "benchmark/store/checkpoint.py",
        'for path in sorted(places.ENGINE.glob("*.py")):',
        "for path in ():",
        f"{RESUME}::test_every_file_of_the_engine_is_part_of_a_runs_identity",
    ),
    Guard(
        "a checkpoint without the run's tensors",
        "benchmark/store/checkpoint.py",
        "                    check(snapshot)\n",
        "                    pass\n",
        "benchmark/store/test_fuzz_checkpoints.py::"
        "test_a_run_goes_on_from_the_checkpoint_before_one_that_cannot_be_its_own",
    ),
    Guard(
        "a clock that goes back",
        "benchmark/store/checkpoint.py",
        "return time.monotonic() >= self._due",
        "return time.time() >= self._due",
        f"{RESUME}::test_checkpoints_wait_their_time_and_longer_where_saving_is_slow",
    ),
    Guard(
        "a crash while a checkpoint is written",
        "datasets/files.py",
        'draft = place.with_name(f".{place.name}.{uuid4().hex}")',
        "draft = place",
        f"{RESUME}::test_a_checkpoint_cut_short_leaves_the_one_before_it",
    ),
    Guard(
        "a full disk under a checkpoint",
        "benchmark/jobs/perform.py",
        "        except OSError as error:\n            fate",
        "        except KeyError as error:\n            fate",
        f"{RESUME}::test_a_full_disk_costs_the_checkpoint_and_not_the_run",
    ),
    Guard(
        "a full disk under a run",
        "benchmark/store/runs.py",
        "        except OSError as error:\n            raise BenchmarkError(f\"{place}",
        "        except KeyError as error:\n            raise BenchmarkError(f\"{place}",
        f"{RESUME}::test_a_run_that_cannot_be_stored_keeps_its_checkpoint",
    ),
    Guard(
        "a store that is only read",
        "benchmark/store/locks.py",
        '        raise BenchmarkError(f"{path}: cannot be stored: {error}") from None',
        "        raise",
        "benchmark/jobs/test_execution.py::test_a_store_that_cannot_be_written_is_one_line",
    ),
    Guard(
        "two processes with one run",
        "benchmark/store/locks.py",
        "                yield False\n                return\n",
        "                pass\n",
        f"{RESUME}::test_of_two_processes_one_makes_the_run",
    ),
    Guard(
        "a run replaced while it is read",
        "datasets/files.py",
        "        os.replace(place, old)\n",
        "        shutil.rmtree(place)\n",
        f"{STORE}::test_a_write_that_fails_leaves_the_older_run",
    ),
    Guard(
        "a damaged or truncated table",
        "benchmark/store/runs.py",
        "if _sha(blob) != run.checksums.get(name):",
        "if False:",
        f"{STORE}::test_a_damaged_table_is_named_with_what_to_do",
    ),
    Guard(
        "a damaged record",
        "benchmark/store/runs.py",
        "    except (OSError, ValidationError) as error:\n        reason = explain(Run",
        "    except OSError as error:\n        reason = explain(Run",
        f"{STORE}::test_a_damaged_record_is_named",
    ),
    Guard(
        "a signal",
        "benchmark/jobs/workers.py",
        "    before = {each: signal.signal(each, first) for each in SIGNALS}\n",
        "    before = {}\n",
        f"{FAULTS}::test_a_signal_finishes_the_round_and_says_how_to_go_on[2-1]",
    ),
    Guard(
        "a loss that is no number",
        "benchmark/engine/recorder.py",
        "            if name.endswith(\"loss\"):\n                at, bad",
        "            if False:\n                at, bad",
        "benchmark/engine/test_divergence.py"
        "::test_a_seed_that_diverges_ends_there_and_the_others_go_on",
    ),
    Guard(
        "a pickle that is not torchvision's",
        "datasets/images.py",
        "if md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:",
        "if False:",
        "datasets/test_images.py::test_damaged_cifar_files_are_named_and_never_unpickled",
    ),
    Guard(
        "a flipped pixel",
        "datasets/images.py",
        "    _checked(path, md5, content)\n",
        "",
        "datasets/test_images.py::test_a_flipped_pixel_or_label_is_found_out",
    ),
    Guard(
        "a damaged run that stops the others",
        "benchmark/jobs/plan.py",
        "        with suppress(BenchmarkError):\n            run = store",
        "        if True:\n            run = store",
        f"{DAMAGE}::test_a_damaged_run_is_set_aside_and_made_again_alone[zeroed]",
    ),
    Guard(
        "a table damaged since it was written",
        "benchmark/store/runs.py",
        "                _checked(self.folder(cell, seed), run, name)\n",
        "                pass\n",
        f"{DAMAGE}::test_a_damaged_run_is_set_aside_and_made_again_alone[cut]",
    ),
    Guard(
        "a kill between the stores of two seeds",
        "benchmark/jobs/plan.py",
        "_begun(store, cell, seeds) or seeds",
        "seeds",
        f"{DAMAGE}::test_seeds_of_one_program_killed_between_two_stores_go_on_from_its_checkpoint",
    ),
    Guard(
        "a kill between two renames",
        "benchmark/store/runs.py",
        "    return place if place.exists() or not old.exists() else old\n",
        "    return place\n",
        f"{STORE}::test_a_writer_killed_between_its_renames_hides_no_run",
    ),
    Guard(
        "litter of killed processes",
        "benchmark/store/litter.py",
        "            if alone:\n",
        "            if False:\n",
        f"{DAMAGE}::test_what_killed_processes_left_is_removed",
    ),
    Guard(
        "a lock that is a pipe",
        "benchmark/store/locks.py",
        "        if path.exists() and not path.is_file():\n",
        "        if False:\n",
        f"{DAMAGE}::test_a_lock_that_is_a_pipe_hangs_nobody",
    ),
    Guard(
        "a status that holds a run's lock",
        "benchmark/store/locks.py",
        "fcntl.LOCK_SH | fcntl.LOCK_NB)",
        "fcntl.LOCK_EX | fcntl.LOCK_NB)",
        f"{DAMAGE}::test_a_look_at_the_status_keeps_no_run_from_being_made",
    ),
    Guard(
        "an error whose text fails",
        "benchmark/errors.py",
        "    except Exception:  # of its own __str__\n",
        "    except KeyError:\n",
        f"{WORKERS}::test_an_error_whose_text_fails_is_still_one_line",
    ),
    Guard(
        "a worker that dies",
        "benchmark/jobs/pool.py",
        "        except (EOFError, OSError):\n            message = self._death",
        "        except KeyError:\n            message = self._death",
        f"{WORKERS}::test_a_worker_that_ends_is_named_and_its_place_taken",
    ),
    Guard(
        "a reader of news that is gone",
        "benchmark/jobs/news.py",
        "            except Exception:  # such as a pipe that nobody reads any more\n",
        "            except KeyError:\n",
        f"{WORKERS}::test_a_listener_that_fails_stops_no_run[1]",
    ),
    Guard(
        "a job left to another process",
        "benchmark/jobs/attempt.py",
        "        if perform(job, settings, listen, stopped):\n",
        "        perform(job, settings, listen, stopped)\n        if True:\n",
        f"{WORKERS}::test_a_run_left_to_another_process_is_not_called_made[1]",
    ),
    Guard(
        "too little memory",
        "benchmark/jobs/attempt.py",
        "    except Exception as error:\n",
        "    except OneLineError as error:\n",
        f"{WORKERS}::test_too_little_memory_for_a_model_is_one_line",
    ),
    Guard(
        "a setting of torch that a method leaves changed",
        "benchmark/engine/guards.py",
        "    if now != before:\n",
        "    if False:\n",
        f"{REACH}::test_a_setting_left_changed_is_put_back_and_named",
    ),
    Guard(
        "a draw from a global generator",
        "benchmark/engine/guards.py",
        "            generators.require_unused()\n",
        "            pass\n",
        f"{REACH}::test_a_draw_from_a_global_generator_is_refused",
    ),
    Guard(
        "a late draw from a global generator",
        "benchmark/jobs/perform.py",
        "            self._generators.require_unused()\n",
        "            pass\n",
        f"{REACH}::test_a_draw_late_in_a_run_is_found_before_it_is_kept",
    ),
    Guard(
        "a method that exits",
        "benchmark/engine/guards.py",
        "os._exit = os._exit, _refuse_exit",
        "_ = os._exit, _refuse_exit",
        f"{REACH}::test_an_exit_is_a_failure",
    ),
    Guard(
        "fields that share memory",
        "benchmark/store/checkpoint.py",
        "own.clone() if place in seen else own",
        "own",
        f"{REACH}::test_fields_may_share_memory_and_be_views",
    ),
    Guard(
        "a field that no checkpoint can keep",
        "benchmark/engine/methods.py",
        "            if fault := _unkept(value):\n",
        "            if fault := '':\n",
        f"{REACH}::test_a_field_that_no_checkpoint_can_keep_is_refused_in_the_first_round",
    ),
    Guard(
        "bytecode of an older text",
        "benchmark/engine/methods.py",
        "        Watched()(exec, code, module.__dict__)\n",
        "        spec.loader.exec_module(module)\n",
        f"{REACH}::test_what_is_run_is_the_text_that_was_digested",
    ),
    Guard(
        "a table that unpacks to more than memory",
        "benchmark/store/runs.py",
        ") > MOST:",
        ") > MOST**9:",
        "benchmark/store/test_fuzz_runs.py::test_a_table_of_more_numbers_than_memory_is_refused_unread",
    ),
    Guard(
        "an image file of any size",
        "datasets/images.py",
        "    if size != len(header) + math.prod(sizes):",
        "    if False:",
        "datasets/test_fuzz_data.py::test_an_image_file_of_any_size_is_refused_unread",
    ),
]  # fmt: skip


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
