from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.spec import Cell, cells, load_experiment, load_protocol, profile_of
from tests.benchmark.cases import EXPERIMENT, PROTOCOL, Expand


@pytest.fixture
def expand(tmp_path: Path) -> Expand:
    """The cells of two files' texts."""

    def of(
        experiment: str = EXPERIMENT,
        protocol: str = PROTOCOL,
        profile: str = "paper",
        algorithms: Sequence[str] = (),
    ) -> list[Cell]:
        paths = [tmp_path / name for name in ("mine.toml", "way.toml")]
        for path, text in zip(paths, (experiment, protocol), strict=True):
            path.write_text(text, encoding="utf-8")
        spec = load_experiment(str(paths[0]))
        way = load_protocol(str(paths[1]))
        return cells(spec, way, profile_of(spec, profile), algorithms)

    return of
