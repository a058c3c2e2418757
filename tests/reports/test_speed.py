"""The committed measurements and the page about them."""

import json

import pytest

from benchmark.places import RENDERED, RESULTS
from reports.speed.cpu import client_exponent, render, table

MEASURED = RESULTS / "speed" / "cpu.json"
ROOT = RESULTS.parent


def test_the_page_holds_the_measured_ratios() -> None:
    found = json.loads(MEASURED.read_text("utf-8"))
    assert table(found) in (RENDERED / "speed.md").read_text("utf-8")


def test_the_readmes_ranges_are_those_measured() -> None:
    rounds = json.loads(MEASURED.read_text("utf-8"))["rounds"]
    pfml = [r for r in rounds if r["algorithm"] == "pfml" and not r["unit"].startswith("CIFAR")]
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    for loop, words in (
        ("plain", "{} to {} times as long"),
        ("loaders", "per client {} to {} times"),
    ):
        ratios = [r[f"{loop}_train"] / r["engine_train"] for r in pfml]
        assert words.format(round(min(ratios)), round(max(ratios))) in readme


def test_the_page_is_rendered_from_the_committed_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("pages")
    page, *figures = render(MEASURED, out)
    assert page.read_text("utf-8") == (RENDERED / "speed.md").read_text("utf-8")
    assert [path.suffix for path in figures] == [".png", ".svg"]


def test_cost_is_linear_in_clients() -> None:
    """In the committed measurements, not on this machine."""
    assert client_exponent(json.loads(MEASURED.read_text("utf-8"))) <= 1.05
