"""python -m reports.readme: bring the README's tables up to those of the rendered pages.

A table stands between ``<!-- NAME: from PAGE -->`` and ``<!-- end of NAME -->``.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(<!-- (\w+): from (\S+?)(?:,[^\n]*)? -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL
)
KEPT = {"verdicts": ("|",)}
"""Prefixes of the page's lines that a block takes."""


def refreshed(text: str) -> str:
    """The README's text, each block replaced by what its page now says."""
    return BLOCK.sub(lambda found: f"{found[1]}{_block(found[2], found[3])}\n{found[5]}", text)


def _block(name: str, page: str) -> str:
    lines = (ROOT / page).read_text(encoding="utf-8").split("\n## ")[:2]
    first = lines[0] if lines[0].count("\n|") else lines[1]
    kept = [line for line in first.split("\n### ")[0].splitlines() if line.startswith(KEPT[name])]
    text = ""
    for line, after in zip(kept, [*kept[1:], ""], strict=True):
        text += line + ("\n" if line.startswith("|") and after.startswith("|") else "\n\n")
    return text.rstrip("\n").replace("](table", "](reports/rendered/table") + "\n"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(refreshed(readme.read_text(encoding="utf-8")), encoding="utf-8")
    print(readme)
