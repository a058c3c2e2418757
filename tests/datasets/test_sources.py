"""load and scale: names, options, digits, and what importing costs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets import SCALINGS, SOURCES, DataError, load, scale
from datasets.sources import data_root


def test_unknown_names_and_options_list_the_known_ones() -> None:
    with pytest.raises(DataError, match="unknown data set 'mnits'; there are: synthetic, digits"):
        load("mnits")
    with pytest.raises(DataError, match=r"synthetic has no option gamma; .* alpha, beta, clients"):
        load("synthetic", options={"gamma": 1})
    with pytest.raises(DataError, match="digits has no option seed; its options: none"):
        load("digits", options={"seed": 1})


def test_sources_name_their_options_and_defaults() -> None:
    assert SOURCES["synthetic"] == {"alpha": 0.5, "beta": 0.5, "clients": 100, "seed": 0}
    assert set(SOURCES) == {
        "synthetic", "digits", "mnist", "fashion_mnist", "cifar10", "cifar100",
    }  # fmt: skip


def test_digits_need_no_files() -> None:
    digits = load("digits", root=Path("/nowhere"))
    assert digits.x.shape == (1797, 1, 8, 8)
    assert digits.x.dtype == np.float32
    assert (digits.x.min(), digits.x.max()) == (0, 16)
    assert digits.y.dtype == np.int64
    assert np.bincount(digits.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.client is None


def test_importing_the_package_imports_neither_torch_nor_scikit_learn() -> None:
    program = "import sys, datasets; print({'torch', 'torchvision', 'sklearn'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, cwd=root, capture_output=True, text=True).stdout == "set()\n"


def test_the_data_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFL_DATA_ROOT", "/some/where")
    assert data_root() == Path("/some/where")
    monkeypatch.setenv("PFL_DATA_ROOT", "")
    assert data_root() == Path.home() / ".cache" / "pfl-benchmark"


def images(n: int = 1000) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.random.default_rng(0).integers(0, 200, (n, 1, 5, 4), dtype=np.uint8)
    pixels[:, 0, 0, 0] = 7  # a pixel that never varies, as MNIST's border
    return pixels


def test_unit_and_symmetric_go_by_the_scale_not_by_the_values_of_uint8() -> None:
    pixels = images()
    np.testing.assert_allclose(scale(pixels, "unit"), pixels / 255, rtol=1e-6)
    np.testing.assert_allclose(scale(pixels, "symmetric"), pixels / 127.5 - 1, atol=1e-6)


def test_other_types_are_scaled_by_their_largest_value() -> None:
    digits = load("digits").x
    assert scale(digits, "unit").max() == 1
    assert scale(digits, "symmetric").min() == -1


def test_per_feature_is_the_formula_over_all_samples() -> None:
    pixels = images().astype(np.float64)
    expected = (pixels - pixels.mean(axis=0)) / (pixels.std(axis=0) + 0.001)
    scaled = scale(images(), "per_feature")
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
    assert (scaled[:, 0, 0, 0] == 0).all()


@pytest.mark.parametrize("how", SCALINGS)
def test_every_scaling_gives_a_float32_copy(how: str) -> None:
    x = images(10).astype(np.float32)
    before = x.copy()
    scaled = scale(x, how)
    assert scaled.dtype == np.float32
    assert not np.shares_memory(scaled, x)
    np.testing.assert_array_equal(x, before)


def test_scaling_refuses_what_it_cannot_do() -> None:
    with pytest.raises(DataError, match="unknown scaling 'zscore'; there are: none, unit"):
        scale(images(), "zscore")
    with pytest.raises(DataError, match="from 0 up"):
        scale(np.array([[-1.0, 2.0]]), "unit")
    with pytest.raises(DataError, match="from 0 up"):
        scale(np.zeros((3, 2)), "symmetric")
    with pytest.raises(DataError, match="at least one sample"):
        scale(np.zeros((0, 2)), "per_feature")
