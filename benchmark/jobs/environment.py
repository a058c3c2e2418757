"""The machine a run is made on: its devices, how a process is set up, and what is recorded."""

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
    """Settings of a process that trains; none of them changes a result beyond rounding, but
    ``tf32``, with which a GPU rounds the factors of products to ten bits of mantissa."""
    torch.set_num_threads(threads)
    _keep_freed_memory()
    # Probabilities of sure models are denormal numbers, which a CPU multiplies very slowly.
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks; returned to the system, each new tensor costs page faults
    that take longer than the arithmetic on it."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 2**30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def device_of(name: str) -> str:
    """``auto`` is the GPU where there is one."""
    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if name not in ("cpu", "cuda") or (name == "cuda" and not cuda):
        raise BenchmarkError(f"--device {name}: allowed: auto, cpu{', cuda' if cuda else ''}")
    return name


def precision_of(name: str, device: str) -> str:
    """``name``, where the device has it."""
    allowed = ["float32", "tf32"] if device == "cuda" else ["float32"]
    if name not in allowed:
        raise BenchmarkError(f"--precision {name}: allowed on {device}: {', '.join(allowed)}")
    return name


CAN_CHANGE_NUMBERS = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "numba", "llvmlite")
"""Distributions that compute something of a run: tensors, partitions, data, tables, kernels."""


def distributions() -> dict[str, str]:
    """The versions of those of CAN_CHANGE_NUMBERS that are installed."""
    found = {}
    for name in CAN_CHANGE_NUMBERS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def environment(device: torch.device, convolutions: str) -> dict[str, str]:
    """What a run was made with, for its record. convolutions: what computes them."""
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
    """What git says, or PFL_COMMIT in a copy without its history."""
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
