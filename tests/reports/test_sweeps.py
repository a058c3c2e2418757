from collections.abc import Callable
from pathlib import Path

import pytest

from reports import render
from reports.results import load_all
from reports.sweeps import swept

Fill = Callable[..., Path]


@pytest.mark.parametrize(("table", "symbol"), [("table5", "lam"), ("table6", "beta")])
def test_the_setting_that_a_table_sweeps(table: str, symbol: str, fill: Fill) -> None:
    assert swept(load_all([table], fill(table, methods=["pfml"]), "paper")[0].rows) == symbol


def test_a_table_of_methods_sweeps_nothing(tiny: str, fill: Fill) -> None:
    assert swept(load_all([tiny], fill(tiny), "paper")[0].rows) is None


def test_the_picture_stands_in_every_page(fill: Fill, tmp_path: Path) -> None:
    written = render(
        load_all(["table5"], fill("table5", methods=["pfml"]), "paper"), tmp_path / "out"
    )
    names = [path.name for path in written]
    assert {"table5-as_run.png", "table5-as_run.svg", "overview.png"} <= {*names}
    pages = [path for path in written if path.stem in ("table5", "index")]
    text = {path.suffix: path.read_text("utf-8") for path in pages}
    assert "](figures/table5-as_run.png)" in text[".md"]
    assert "{figures/table5-as_run.png}" in text[".tex"]
    assert 'src="figures/table5-as_run.svg"' in text[".html"]
    assert "Hollow: the published value" in text[".html"]
