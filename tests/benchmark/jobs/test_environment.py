"""How a process that trains is set up."""

import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.jobs.environment import _commit, environment, precision_of, prepare_process


@pytest.mark.parametrize(("precision", "rounded"), [("float32", False), ("tf32", True)])
def test_tf32_is_a_choice_of_the_process_and_part_of_its_record(
    precision: str, rounded: bool
) -> None:
    prepare_process(1, precision)
    assert torch.backends.cudnn.allow_tf32 is rounded
    assert torch.backends.cuda.matmul.allow_tf32 is rounded
    assert environment(torch.device("cpu"), "torch")["tf32"] == str(rounded)


def test_products_are_exact_to_float32_unless_asked_for_otherwise() -> None:
    prepare_process(1, "tf32")
    prepare_process(1)
    assert not torch.backends.cuda.matmul.allow_tf32


def test_only_a_gpu_has_tf32() -> None:
    assert precision_of("tf32", "cuda") == "tf32"
    with pytest.raises(BenchmarkError, match="--precision tf32: allowed on cpu: float32"):
        precision_of("tf32", "cpu")
    with pytest.raises(BenchmarkError, match="allowed on cuda: float32, tf32"):
        precision_of("half", "cuda")


def test_a_copy_without_history_can_name_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFL_COMMIT", "0123456789ab")
    assert _commit.__wrapped__() == "0123456789ab"
    monkeypatch.delenv("PFL_COMMIT")
    assert _commit.__wrapped__() != "0123456789ab"
