"""Synthetic(0.5, 0.5): the very samples behind the paper's numbers."""

import numpy as np
import pytest

from datasets import Arrays, DataError, load
from datasets.partitions.given import Given
from datasets.synthetic import synthetic

FIRST_SIZES = [9545, 855, 2180, 24380, 11685, 285, 2075, 450, 470, 870]
LABEL_COUNTS = [20440, 15477, 13612, 7703, 17542, 21572, 9409, 48331, 32221, 19488]


@pytest.fixture(scope="module")
def default() -> Arrays:
    return load("synthetic")


def test_the_defaults_are_the_papers_samples(default: Arrays) -> None:
    assert default.x.shape == (205_795, 60)
    assert default.x.dtype == np.float32
    assert default.y.dtype == np.int64
    assert default.client is not None
    sizes = np.bincount(default.client)
    assert len(sizes) == 100
    assert sizes[:10].tolist() == FIRST_SIZES
    assert sizes[-1] == 855


def test_values_and_labels_are_pinned(default: Arrays) -> None:
    assert default.x[0, :3] == pytest.approx([-0.17788088, 2.0232306, -0.4071902], rel=1e-5)
    assert default.x[-1, -3:] == pytest.approx([1.7058524, 0.70326144, -0.5759154], rel=1e-5)
    # argmax over matrix products: another BLAS may turn a near tie, not more.
    assert np.bincount(default.y, minlength=10) == pytest.approx(LABEL_COUNTS, abs=3)


def test_nine_tenths_for_training_give_the_papers_test_size(default: Arrays) -> None:
    partition = Given(kind="given", clients=100, train_fraction=0.9, seed=None).draw(
        default, np.random.default_rng(0)
    )
    assert sum(map(len, partition.test)) == 20_603


def test_draws_are_those_of_the_generator_written_out_client_by_client() -> None:
    rng = np.random.RandomState(3)
    sizes = [(int(size) + 50) * 5 for size in rng.lognormal(4, 2, 4)]
    a = [rng.normal(0, 0.5) for _ in range(4)]
    b = [rng.normal(0, 2.0) for _ in range(4)]
    v = [rng.normal(b_i, 1, 60) for b_i in b]
    covariance = np.diag([j**-1.2 for j in range(1, 61)])
    ours = synthetic(alpha=0.5, beta=2.0, clients=4, seed=3)
    start = 0
    for i in range(4):
        w, c = rng.normal(a[i], 1, (60, 10)), rng.normal(a[i], 1, 10)
        x = rng.multivariate_normal(v[i], covariance, sizes[i])
        mine = slice(start, start := start + sizes[i])
        # multivariate_normal's singular vectors have signs of the LAPACK's choice.
        np.testing.assert_allclose(np.abs(ours.x[mine] - v[i]), np.abs(x - v[i]), atol=1e-5)
        logits = ours.x[mine].astype(np.float64) @ w + c
        assert (logits.argmax(axis=1) == ours.y[mine]).mean() > 0.999
    assert start == len(ours.x)


def test_beta_moves_the_clients_inputs_apart() -> None:
    def between(data: Arrays) -> float:
        assert data.client is not None
        means = [data.x[data.client == u].mean() for u in range(30)]
        return float(np.std(means))

    assert between(synthetic(beta=0, clients=30)) < 0.3  # of 60 unit normals: 1 / sqrt(60)
    assert between(synthetic(beta=9, clients=30)) > 5


def test_alpha_moves_all_classes_alike_and_so_changes_no_sample() -> None:
    near, far = synthetic(alpha=0, clients=5), synthetic(alpha=3, clients=5)
    np.testing.assert_array_equal(near.x, far.x)
    assert (near.y == far.y).mean() > 0.999  # but for near ties in rounding


def test_the_legacy_stream_is_private() -> None:
    state = np.random.get_state(legacy=False)["state"]["pos"]
    synthetic(clients=1)
    assert np.random.get_state(legacy=False)["state"]["pos"] == state


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("alpha", -0.1),
        ("beta", float("nan")),
        ("clients", 0),
        ("clients", 2.5),
        ("clients", True),
        ("seed", -1),
    ],
)
def test_options_out_of_range_are_named(option: str, value: float) -> None:
    with pytest.raises(DataError, match=rf"synthetic: {option} must be .* not {value}"):
        load("synthetic", options={option: value})
