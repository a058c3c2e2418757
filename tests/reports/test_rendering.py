import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from reports import load_all, render, summary_text
from reports.equivalence import RULE
from reports.rendering import latex
from tests.reports.conftest import CPU

Fill = Callable[..., Path]
OWN = """
title = "Our own"
protocols = ["as_run"]
[[grid]]
dataset = ["digits"]
model = ["mlr"]
algorithm = ["*"]
active_clients = [5]
[[rules]]
[rules.set]
rounds = 12
partition = { kind = "dirichlet", clients = 10, train_fraction = 0.75, alpha = 0.1 }
[profiles.paper]
seeds = 2
"""


@pytest.fixture(scope="module")
def pages(tiny: str, make: Fill, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("report")
    make(folder / "store", tiny, "as_described", methods=["pfml", "local"])
    store = make(folder / "store", tiny, methods=["pfml", "local", "fedavg", "my_100"])
    written = render(load_all([tiny], store, "paper"), folder / "out")
    assert all(path.is_file() for path in written)
    return {p.name: p.read_text("utf-8") for p in written if p.suffix in (".md", ".tex", ".html")}


def test_every_file_is_named(tiny: str, fill: Fill, tmp_path: Path) -> None:
    results = load_all([tiny], fill(tiny, methods=["pfml"]), "paper")
    written = render(results, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [
        *("tiny.md", "tiny.tex", "index.html"),
        *("figures/tiny-as_run.png", *(f"figures/tiny-as_run-{n}.svg" for n in range(1, 5))),
    ]


def test_every_page_says_protocol_reduction_seeds_rounds_and_rule(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        plain = page.replace("\\_", "_").replace("&#39;", "'")
        for said in (
            "Protocol as_run",
            "Protocol as_described",
            "best over rounds",
            "last round",
            "Seeds: 2",
            "30 rounds",
        ):
            assert said in plain, (name, said)
    assert RULE in pages["tiny.md"]
    assert latex(RULE) in pages["tiny.tex"]
    for said in ("python -m benchmark run tiny", "cd" * 32, "test samples 17507", "3.11"):
        assert said in pages["index.html"]


def test_markdown_numbers_and_picture(pages: dict[str, str]) -> None:
    page = pages["tiny.md"]
    cell = "paper 90.74 ± 0.01<br>**ours 90.74 ± 0.07**<br>[90.10, 91.38]<br>Δ +0.00<br>"
    assert f"{cell}_too few seeds_<br>fitted" in page
    assert "![Tiny: 50 % of A & B, protocol as_run](figures/tiny-as_run.png)" in page
    assert "_not run_" in page  # pFedMe's published numbers
    heads = [line.count("|") for line in page.splitlines() if line.startswith("|")]
    assert heads
    assert set(heads) == {5, 6, 7, 9}  # provenance, the table, distances (two are escaped)


def test_latex_is_escaped_and_balanced(pages: dict[str, str]) -> None:
    page = pages["tiny.tex"]
    assert r"Tiny: 50 \% of A \& B" in page
    assert r"my\_100 (PM)" in page
    assert r"\toprule" in page
    body = re.sub(r"\\[{}]", "", page)
    assert body.count("{") == body.count("}")
    assert page.count(r"\begin{") == page.count(r"\end{")
    rows = [line for line in page.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {5}


def test_latex_of_every_special_character() -> None:
    assert latex("a_b&c%d$e#f{g}") == r"a\_b\&c\%d\$e\#f\{g\}"
    assert latex("\\~^") == r"\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert latex("−1 ± λ") == r"$-$1 $\pm$ $\lambda$"


def test_html_needs_its_figures_alone(pages: dict[str, str]) -> None:
    page = pages["index.html"]
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link", page)
    sources = set(re.findall(r'src="([^"]*)"', page))
    assert {f"figures/tiny-as_run-{n}.svg" for n in range(1, 5)} <= sources
    assert all(re.fullmatch(r"figures/tiny-\w+-\d\.svg", source) for source in sources)
    assert "Tiny: 50 % of A &amp; B" in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    open_tags: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ("meta", "img", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Balance().feed(page)
    assert open_tags == []


def test_reports_on_single_experiments_add_up_to_one_page(
    tiny: str, fill: Fill, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    render(load_all(["table5"], fill("table5", methods=["pfml"]), "paper"), out)
    render(load_all([tiny], fill(tiny, methods=["pfml"]), "paper"), out)
    page = (out / "index.html").read_text("utf-8")
    assert re.findall(r'<section id="(\w+)"', page) == ["overview", "table5", "tiny"]
    render(load_all(["table5"], tmp_path / "store", "paper"), out)
    assert (out / "index.html").read_text("utf-8") == page


def test_verdicts_count_every_table_in_the_store(fill: Fill, tmp_path: Path) -> None:
    fill("table5", methods=["pfml"])
    store = fill("table6", methods=["pfml"])
    pages = []
    for names in (["table5", "table6"], ["table6"]):
        render(load_all(names, store, "paper"), tmp_path / str(len(names)))
        pages.append((tmp_path / str(len(names)) / "verdicts.md").read_text("utf-8"))
    assert pages[0] == pages[1]


def test_a_page_that_cannot_be_written_is_named_and_the_old_one_stays(
    tiny: str, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = load_all([tiny], fill(tiny, methods=["pfml"]), "paper")
    render(results, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(BenchmarkError, match=r"out/tiny.md: .*No space left on device"):
        render(results, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before


def test_markdown_shows_what_comes_from_files_as_it_is(
    tiny: str, make: Fill, tmp_path: Path
) -> None:
    hostile = CPU | {"device": "<script>alert(1)</script> | `x` [a](b)"}
    store = make(tmp_path / "store", tiny, methods=["pfml"], environment=hostile)
    render(load_all([tiny], store, "paper"), tmp_path / "out")
    page = (tmp_path / "out" / "tiny.md").read_text("utf-8")
    assert "<script" not in page.replace("\\<script", "")
    assert r"\<script\>alert(1)\</script\> \| \`x\` \[a\](b)" in page
    assert "<script" not in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_each_number_has_a_command_that_works_today(tiny: str, fill: Fill, tmp_path: Path) -> None:
    store = fill("table5", methods=["pfml"], seeds=[4])
    render(load_all(["table5"], store, "paper"), tmp_path / "out")
    page = (tmp_path / "out" / "table5.md").read_text("utf-8")
    said = (
        "run table5 --protocol as_run --dataset synthetic --model mlr --algorithm pfml --seeds 4,"
    )
    assert f"python -m benchmark {said}" in page
    assert "1. python -m benchmark run tiny" in page


PAGES = ("own.md", "own.tex", "index.html")


def test_an_experiment_without_published_values(fill: Fill, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    store = fill(str(own), made=lambda cell, scores: 0.9)
    render(load_all([str(own)], store, "paper"), tmp_path / "out")
    page = (tmp_path / "out" / "own.md").read_text(encoding="utf-8")
    assert "Digits, MLR" in page
    assert "10 clients, Dirichlet(0.1)" in page
    assert "| **92.05 ± 0.07**<br>" in page
    for word in ("erdict", "paper:", "**ours", "Ours", "egularized"):
        assert word not in page
    assert "Thin dashed" not in page


def test_runs_that_all_diverged_are_named_and_not_drawn(
    tiny: str, fill: Fill, tmp_path: Path
) -> None:
    store = fill(tiny, methods=["pfml"], seeds=[3], diverged=7)
    written = render(load_all([tiny], store, "paper"), tmp_path / "out")
    assert "diverged: seed 3 at round 7" in (tmp_path / "out" / "tiny.md").read_text("utf-8")
    assert not [path for path in written if path.suffix in (".png", ".svg")]


def test_a_diverged_run_of_ones_own_is_named_on_every_page(fill: Fill, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    results = load_all([str(own)], fill(str(own), seeds=[3], diverged=7), "paper")
    render(results, tmp_path / "out")
    pages = [(tmp_path / "out" / name).read_text("utf-8") for name in PAGES]
    for text in (*pages, summary_text(results)):
        assert "diverged: seed 3 at round 7" in text
        assert "not run" not in text


def test_nothing_to_report_is_one_line(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="python -m benchmark run") as caught:
        load_all([tiny], tmp_path / "none", "paper")
    assert "\n" not in str(caught.value)


def test_a_report_never_loads_torch(tiny: str, fill: Fill, tmp_path: Path) -> None:
    store = fill(tiny, methods=["pfml"])
    program = (
        "import sys, pathlib, reports\n"
        "assert 'torch' not in sys.modules\n"
        "tiny, *paths = sys.argv[1:]\n"
        "store, out = map(pathlib.Path, paths)\n"
        "reports.render(reports.load_all([tiny], store, 'paper'), out)\n"
        "assert 'torch' not in sys.modules\n"
    )
    arguments = [tiny, str(store), str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-W", "error", "-c", program, *arguments], cwd=root, check=True)
