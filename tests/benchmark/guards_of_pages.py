"""What guards what is read and printed: pages, terminals, arguments, records of versions."""

from tests.benchmark.guards import Guard

PAGES = "reports/test_rendering.py"
OUTPUT = "benchmark/cli/test_output.py"

GUARDS = [
    Guard(
        "a page cut short",
        "reports/rendering.py",
        "                write_whole(target, path.read_bytes())\n",
        "                target.write_bytes(path.read_bytes())\n",
        f"{PAGES}::test_a_page_that_cannot_be_written_is_named_and_the_old_one_stays",
    ),
    Guard(
        "markup in a record",
        "reports/rendering.py",
        'f"\\\\{sign}" if sign in MARKDOWN else sign',
        "sign",
        f"{PAGES}::test_markdown_shows_what_comes_from_files_as_it_is",
    ),
    Guard(
        "a name that a terminal reads as markup",
        "benchmark/cli/output.py",
        "markup=False",
        "markup=True",
        f"{OUTPUT}::test_nothing_is_read_as_markup",
    ),
    Guard(
        "a terminal that lacks a character",
        "benchmark/cli/output.py",
        'stream.reconfigure(errors="replace")',
        "pass",
        f"{OUTPUT}::test_what_an_encoding_lacks_is_replaced[ascii]",
    ),
    Guard(
        "a seed of more bits than a generator takes",
        "benchmark/jobs/request.py",
        "len(numbers) > MOST_SEEDS or max(numbers) > LARGEST_SEED",
        "len(numbers) > MOST_SEEDS",
        "benchmark/cli/test_command_errors.py::test_a_run_with_an_option_that_cannot_be_is_refused",
    ),
    Guard(
        "a record without a version that can change a number",
        "benchmark/jobs/environment.py",
        '"numpy", "scipy", "scikit-learn"',
        '"numpy", "scikit-learn"',
        "test_versions.py::test_records_name_every_distribution_that_can_change_a_number",
    ),
]
