"""The committed measurements and what is said of them."""

import json

import pytest

from benchmark.places import RENDERED, RESULTS
from reports.speed.cpu import client_exponent, render, table

MEASURED = RESULTS / "speed" / "cpu.json"
ROOT = RESULTS.parent


def test_the_page_and_the_readme_hold_the_measured_ratios() -> None:
    found = json.loads(MEASURED.read_text("utf-8"))
    for path in (RENDERED / "speed.md", ROOT / "README.md"):
        assert table(found) in path.read_text("utf-8")


def test_the_page_is_rendered_from_the_committed_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("pages")
    page, *figures = render(MEASURED, out)
    assert page.read_text("utf-8") == (RENDERED / "speed.md").read_text("utf-8")
    assert [path.suffix for path in figures] == [".png", ".svg"]


def test_cost_is_linear_in_clients() -> None:
    """Of what was measured, not of this machine."""
    assert client_exponent(json.loads(MEASURED.read_text("utf-8"))) <= 1.05
