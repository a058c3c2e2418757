"""The HTML page as blocks, one for each experiment, so that reports on single ones add up."""

import html
import re
from collections.abc import Mapping
from pathlib import Path

OVERVIEW = "overview"
BLOCK = re.compile(r"<!-- block (\w+) -->\n(.*?)<!-- end of \1 -->\n", re.DOTALL)
TITLE = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)
KINDS = ("table", "figure", "supplement")


def blocks_of(page: Path) -> dict[str, str]:
    """The blocks of a page by experiment; none where there is no page."""
    if not page.is_file():
        return {}
    return {match[1]: match[2] for match in BLOCK.finditer(page.read_text(encoding="utf-8"))}


def ordered(blocks: Mapping[str, str]) -> dict[str, str]:
    """The overview, the paper's tables, figures and supplement, then all else by name."""
    return dict(sorted(blocks.items(), key=lambda item: _rank(item[0])))


def _rank(name: str) -> tuple[int, int, str]:
    match = re.fullmatch(r"([a-z_]+?)(\d+)", name)
    if name == OVERVIEW:
        return -1, 0, name
    if match and match[1] in KINDS:
        return KINDS.index(match[1]), int(match[2]), name
    return len(KINDS), 0, name


def titles(blocks: Mapping[str, str]) -> dict[str, str]:
    """The heading of each block as text."""
    found = {name: TITLE.search(text) for name, text in blocks.items()}
    return {name: html.unescape(match[1]) if match else name for name, match in found.items()}
