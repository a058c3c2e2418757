from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from benchmark.spec import Cell
from reports.curves import Line, Panel, distances, panels
from reports.heatmap import partition_heatmap
from reports.plots import draw, draw_panel, limits, spread, thinned
from reports.settings import Series, Setting
from tests.reports.conftest import loaded
from tests.reports.test_local_only import SHARED

Fill = Callable[..., Path]
GUESTS = ["ditto", "apfl", "fedper", "fedrep", "fedrod", "fedala", "fedamp", "fml", "superfed"]
HERE = Setting("mnist", "mlr", 10, None)
FIGURE = """
title = "Tiny figure"
figure = "fig2"
extends = "table1"
[[grid]]
dataset = ["mnist", "synthetic"]
model = ["mlr"]
algorithm = ["*"]
active_clients = [10]
[profiles.paper]
seeds = 2
rounds = 40
[profiles.quick]
seeds = 2
rounds = 30
"""


@pytest.fixture
def figure(tmp_path: Path) -> str:
    path = tmp_path / "tinyfigure.toml"
    path.write_text(FIGURE, encoding="utf-8")
    return str(path)


def drawn(experiment: str, store: Path, profile: str = "paper") -> list[Panel]:
    return panels(loaded(experiment, store, profile))


def test_many_guests_leave_the_picture_of_published_numbers(tiny: str, fill: Fill) -> None:
    def lines(*guests: str) -> set[str]:
        methods = ["pfml", "local", *guests]
        store = fill(tiny, methods=methods, made=lambda cell, scores: 0.5, hyper={"eta": 1.0})
        return {line.series.algorithm for panel in drawn(tiny, store) for line in panel.lines}

    assert lines("ditto") == {"pfml", "local", "ditto"}
    assert lines(*GUESTS) == {"pfml", "local"}


def test_figure_2_has_its_four_panels_and_series(figure: str, fill: Fill) -> None:
    found = drawn(figure, fill(figure))
    assert [panel.title for panel in found] == [
        *("(a) MNIST, MLR", "(b) MNIST, MLR", "(c) Synthetic, MLR", "(d) Synthetic, MLR"),
    ]
    assert [panel.unit.split(" ")[0] for panel in found] == ["test", "training"] * 2
    for panel in found:
        paper = {line.label for line in panel.lines if line.paper is not None}
        assert paper == {
            *("FedAvg (GM)", "pFedMe (GM)", "pFedMe (PM)", "PFML (GM)", "PFML (PM)"),
        }
        assert {line.label for line in panel.lines} - paper == {"Local-only (PM)"}


def test_cells_that_the_figure_does_not_show_have_panels_of_their_own(
    figure: str, fill: Fill
) -> None:
    path = Path(figure)
    path.write_text(path.read_text("utf-8").replace("[10]", "[5]"), encoding="utf-8")
    found = drawn(figure, fill(figure))
    assert [panel.title for panel in found] == ["MNIST, MLR", "Synthetic, MLR"]


def test_a_sweep_that_methods_share_has_panels_for_each_value(tmp_path: Path, fill: Fill) -> None:
    path = tmp_path / "shared.toml"
    path.write_text(SHARED, encoding="utf-8")
    found = drawn(str(path), fill(str(path), methods=["pfml", "local"]))
    assert [panel.title for panel in found] == ["Synthetic, MLR, η=0.01", "Synthetic, MLR, η=0.02"]
    for panel in found:
        labels = {line.label for line in panel.lines}
        assert labels == {"PFML (PM)", "PFML (GM)", "Local-only (PM)"}
    path.write_text(SHARED.replace('"pfml", "local"', '"pfml"'), encoding="utf-8")
    (alone,) = drawn(str(path), tmp_path / "store")
    assert "PFML (PM), η=0.01" in {line.label for line in alone.lines}


def test_ours_is_smoothed_as_published(figure: str, fill: Fill) -> None:
    store = fill(figure, methods=["pfml"], made=lambda cell, scores: 0.5)
    accuracy, loss = drawn(figure, store)[:2]
    line = next(line for line in accuracy.lines if line.series.scores == "personal")
    # Base 50 and a tenth more for seed 1; round 5 has 2 points more, a 20th of that in a mean.
    assert line.rounds[[0, -1]] == pytest.approx([0, 19])  # the published curve goes on
    assert line.mean[:7] == pytest.approx([50.15] * 5 + [50.05] * 2)
    assert (line.high - line.low) == pytest.approx(0.1)
    assert line.seeds == 2
    personal = next(line for line in loss.lines if line.series.scores == "personal")
    assert personal.mean[10] == pytest.approx(2 - 0.5005)


def test_the_mirrored_end_of_a_short_run_is_not_drawn(figure: str, fill: Fill) -> None:
    found = drawn(figure, fill(figure, profile="quick"), "quick")
    assert {line.rounds[-1] for panel in found for line in panel.lines} == {9}
    assert all(panel.is_partial for panel in found)


def test_a_run_shorter_than_the_window_is_drawn_raw(tiny: str, fill: Fill) -> None:
    found = drawn(tiny, fill(tiny, profile="quick"), "quick")
    assert {panel.window for panel in found} == {1}
    assert {line.rounds[0] for panel in found for line in panel.lines} == {0}


def test_rounds_without_evaluation_are_skipped(figure: str, fill: Fill) -> None:
    def made(cell: Cell, scores: str) -> float | None:
        return float("nan") if cell.algorithm == "pfml" else 0.5

    labels = {ln.label for p in drawn(figure, fill(figure, made=made)) for ln in p.lines}
    assert "PFML (PM)" not in labels
    assert "pFedMe (PM)" in labels


def line(rounds: list[float], mean: list[float], paper: bool = True) -> Line:
    x, y = np.array(rounds), np.array(mean)
    theirs = (np.array([0.0, 4.0]), np.array([10.0, 14.0])) if paper else None
    return Line(Series("pfml", "personal"), "PFML (PM)", 1, x, y, y, y, theirs)


def test_distance_by_hand() -> None:
    ours = line([0, 1, 2, 8], [10.5, 11, 11, 99])  # published at those rounds: 10 11 12 –
    (found,) = distances([Panel(HERE, "test_accuracy", "a", 20, False, [ours])])
    assert found.mean == pytest.approx(0.5)
    assert (found.largest, found.at_round) == (-1.0, 2)
    assert (found.end, found.until) == (-1.0, 2)
    assert (
        distances(
            [Panel(HERE, "train_loss", "a", 1, False, [line([9], [1]), line([0], [1], False)])]
        )
        == []
    )


def test_a_line_that_ends_early_is_called_partial() -> None:
    axes = Figure().subplots()
    lines = [line([0, 100], [1, 2], paper=False), line([0, 50], [1, 2], paper=False)]
    draw_panel(axes, Panel(HERE, "train_loss", "a", 1, True, lines))
    assert [text.get_text() for text in axes.texts] == ["PFML (PM)", "PFML (PM), partial"]


def test_limits_leave_the_first_rounds_out() -> None:
    found = limits([line([0, 10, 100], [0, 50, 60], paper=False)], 100)
    assert found == pytest.approx((49.5, 60.5))
    assert limits([], 1.0) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.2))
def test_labels_never_overlap(wanted: list[float], gap: float) -> None:
    places = np.sort(spread(np.array(wanted), gap, 0.0, 1.0))
    room = min(gap, 1 / max(len(wanted) - 1, 1))
    assert (np.diff(places) >= room - 1e-9).all()
    assert ((places >= -1e-9) & (places <= 1 + 1e-9)).all()


def test_labels_stay_where_there_is_room() -> None:
    assert spread(np.array([0.9, 0.1, 0.5]), 0.1, 0, 1) == pytest.approx([0.9, 0.1, 0.5])
    assert spread(np.array([0.5, 0.5]), 0.1, 0, 1) == pytest.approx([0.45, 0.55])


def test_thinning_keeps_both_ends() -> None:
    assert list(thinned(3)) == [0, 1, 2]
    assert list(thinned(601)[[0, -1]]) == [0, 600]
    assert len(thinned(601)) == 200


def test_the_same_numbers_make_the_same_picture(figure: str, fill: Fill, tmp_path: Path) -> None:
    found = drawn(figure, fill(figure, methods=["pfml"]))
    first = [path.read_bytes() for path in draw(found, tmp_path / "one")]
    assert first == [path.read_bytes() for path in draw(found, tmp_path / "two")]


@pytest.mark.parametrize("shape", [(1, 2), (20, 10), (100, 10), (10, 100)])
def test_heatmap_of_any_size(shape: tuple[int, int], tmp_path: Path) -> None:
    table = np.arange(shape[0] * shape[1]).reshape(shape)
    written = partition_heatmap(table, "IID", tmp_path / "v1.0 map.png")
    assert [path.name for path in written] == ["v1.0 map.png", "v1.0 map.svg"]
    assert all(path.stat().st_size > 1000 for path in written)
