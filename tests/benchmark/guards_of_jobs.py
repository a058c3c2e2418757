"""What guards training: jobs, workers, methods, losses."""

from tests.benchmark.guards import DAMAGE, FAULTS, REACH, RESUME, WORKERS, Guard

GUARDS = [
    Guard(
        "a full disk under a checkpoint",
        "benchmark/jobs/perform.py",
        "        except OSError as error:\n            fate",
        "        except KeyError as error:\n            fate",
        f"{RESUME}::test_a_full_disk_costs_the_checkpoint_and_not_the_run",
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
        "a damaged run that stops the others",
        "benchmark/jobs/plan.py",
        "        with suppress(BenchmarkError):\n            run = store",
        "        if True:\n            run = store",
        f"{DAMAGE}::test_a_damaged_run_is_set_aside_and_made_again_alone[zeroed]",
    ),
    Guard(
        "a kill between the stores of two seeds",
        "benchmark/jobs/plan.py",
        "_begun(store, cell, seeds) or seeds",
        "seeds",
        f"{DAMAGE}::test_seeds_of_one_program_killed_between_two_stores_go_on_from_its_checkpoint",
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
]  # fmt: skip
