"""The machine that makes a run: devices, settings of the process, facts for the record."""

import ctypes
import os
import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmark.errors import BenchmarkError


def prepare_process(threads: int, precision: str = "float32") -> None:
    """Configure this process for training.

    Only ``tf32`` changes results by more than float32 rounding: the GPU then rounds the factors of
    matrix products to ten bits of mantissa.
    """
    torch.set_num_threads(threads)
    _keep_freed_memory()
    # Very small probabilities are denormal numbers, which a CPU multiplies very slowly.
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks. If it returned them to the system, page faults of each new
    tensor would take longer than the arithmetic on it."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 2**30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def device_of(name: str) -> str:
    """The device ``name``; ``auto`` is the GPU if there is one."""
    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if name not in ("cpu", "cuda") or (name == "cuda" and not cuda):
        raise BenchmarkError(f"--device {name}: allowed: auto, cpu{', cuda' if cuda else ''}")
    return name


def precision_of(name: str, device: str) -> str:
    """The precision ``name``. Raises BenchmarkError if the device does not have it."""
    allowed = ["float32", "tf32"] if device == "cuda" else ["float32"]
    if name not in allowed:
        raise BenchmarkError(f"--precision {name}: allowed on {device}: {', '.join(allowed)}")
    return name


CAN_CHANGE_NUMBERS = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "numba", "llvmlite")
"""Distributions that take part in computing a run: tensors, partitions, data, tables, kernels."""


def distributions() -> dict[str, str]:
    """Versions of the installed distributions of CAN_CHANGE_NUMBERS, by name."""
    found = {}
    for name in CAN_CHANGE_NUMBERS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def environment(device: torch.device, convolutions: str) -> dict[str, str]:
    """Versions, machine and commit for a run's record. convolutions: their library."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    return {
        "python": platform.python_version(),
        **distributions(),
        "device": f"{device.type} ({name})",
        "threads": str(torch.get_num_threads()),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
        "tf32": str(torch.backends.cuda.matmul.allow_tf32),
        "convolutions": convolutions,
        "commit": _commit(),
    }


@cache
def _commit() -> str:
    """The commit as git describes it, or PFL_COMMIT in a copy without history."""
    named = os.environ.get("PFL_COMMIT")
    if named:
        return named
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"
