"""The report's section on convolutions: compiled kernels against torch's, on one thread."""

from collections.abc import Sequence
from typing import Any

HEADINGS = ("work", "torch", "numba", "torch ÷ numba", "of the floor: torch", "numba")


def section(rows: Sequence[dict[str, Any]]) -> str:
    """A table of the measured rows; empty where none were measured."""
    if not rows:
        return ""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    for row in rows:
        seconds = [f"{1000 * row[way]:,.1f} ms" for way in ("torch", "numba")]
        shares = [f"{100 * row['floor'] / row[way]:.0f} %" for way in ("torch", "numba")]
        ratio = f"{row['torch'] / row['numba']:.1f}×"
        lines.append(f"| {' | '.join([row['unit'], *seconds, ratio, *shares])} |")
    return (
        "## Convolutions\n\n"
        "Convolution, 2×2 max-pooling and ReLU as one compiled kernel, where numba is installed, "
        "against torch's own. Processor time of one thread, medians of "
        f"{rows[0]['turns']} turns. The kernels can pass 100 % of the floor: their gradients skip "
        "values that pooling and ReLU discard, and the rate of a large product is not the "
        "machine's limit."
        "\n\n" + "\n".join(lines) + "\n\n"
    )
