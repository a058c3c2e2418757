"""Ratios measured in one run: competitors take turns, so that a busy machine slows all."""

import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.engine.snapshot import Snapshot
from benchmark.jobs.environment import prepare_process
from benchmark.jobs.job import EVERY
from benchmark.spec import Mlr
from benchmark.store.checkpoint import MIN_INTERVAL, Checkpoints
from benchmark.store.header import Identity
from tests.speed import leaving
from tests.speed.convolutions import compared
from tests.speed.other_loops import Loaders, Plain
from tests.speed.work_units import Engine, Unit, units

Timed = dict[str, float]
IDENTITY = Identity(cell="", seeds=(0,), method="", partition="", engine="", torch="", device="cpu")


def machine(device: str = "cpu") -> dict[str, Any]:
    """Facts about the machine on which ratios depend."""
    named = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        named = models[0] if models else named
    if device == "cuda":
        named = torch.cuda.get_device_name()
    return {
        "device": named,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def sgemm_rate(
    size: int = 2048, device: str = "cpu", clock: Callable[[], float] = time.perf_counter
) -> float:
    """FLOP/s of a large float32 product."""
    a, out = (torch.randn(size, size, device=device) for _ in range(2))
    for _ in range(1 if device == "cpu" else 3):
        torch.mm(a, a, out=out)
    return 2 * size**3 / seconds_of(lambda: torch.mm(a, a, out=out), clock=clock)


def rounds(unit: Unit, turns: int) -> dict[str, Any]:
    """Seconds of one round by each way, and the floor: the median over turns of each."""
    ways: dict[str, Any] = {"engine": Engine(unit), "plain": Plain(unit), "loaders": Loaders(unit)}
    times: dict[str, list[float]] = {}
    for way in ways.values():
        way.train()
        way.evaluate()
    for _ in range(turns):
        times.setdefault("rate", []).append(sgemm_rate())
        for name, way in ways.items():
            for part in ("train", "evaluate"):
                # The engine is quick, so a turn is the mean of several rounds.
                times.setdefault(f"{name}_{part}", []).append(
                    seconds_of(getattr(way, part), 3 if name == "engine" else 1)
                )
    found = {name: statistics.median(values) for name, values in times.items()}
    return {"unit": unit.name, "algorithm": unit.algorithm, "turns": turns} | {
        **found,
        "floor_train": unit.flops(evaluated=False) / found["rate"],
        "floor_both": unit.flops(evaluated=True) / found["rate"],
    }


def clients(counts: list[int], turns: int = 5) -> list[Timed]:
    """Seconds and bytes of a round of PFML, MLR with 784 inputs, against the number of clients."""
    found = []
    for count in counts:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            found.append(pool.submit(_clients_alone, count, turns).result())
    return found


def seeds(unit: Unit, counts: list[int], turns: int = 5, device: str = "cpu") -> list[Timed]:
    """Seconds of a round by number of seeds in one program."""
    engines = {n: Engine(unit, tuple(range(n)), device) for n in counts}
    times: dict[int, list[float]] = {n: [] for n in counts}
    for engine in engines.values():
        engine.train()
    for _ in range(turns):
        for n, engine in engines.items():
            times[n].append(seconds_of(engine.train))
    return [{"seeds": n, "seconds": statistics.median(t)} for n, t in times.items()]


def processes(label: str, count: int, span: float = 6.0) -> float:
    """Throughput of ``count`` processes of one thread over that of one (as ``--jobs`` has it).

    Each builds the unit of that label itself: a method's module is loaded anew and not pickled.
    """
    done = []
    for n in (1, count):
        with ProcessPoolExecutor(n, get_context("spawn")) as pool:
            list(pool.map(_rounds_within, [label] * n, [0.5] * n))  # all are ready and warm
            done.append(sum(pool.map(_rounds_within, [label] * n, [span] * n)))
    return done[1] / done[0]


def checkpoint(unit: Unit, turns: int) -> dict[str, Any]:
    """Bytes and seconds of a checkpoint of PFML, and its share of a run as it is kept."""
    engine = Engine(unit)
    engine.train()
    snapshot = Snapshot(1, 0.0, engine.groups[0].packed())
    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder), IDENTITY, "")
        times = [seconds_of(lambda: kept.save(snapshot)) for _ in range(turns)]
        size = max(path.stat().st_size for path in Path(folder).iterdir())
    seconds = statistics.median(times)
    share = seconds / max(EVERY, MIN_INTERVAL * seconds)
    return {"unit": unit.label, "bytes": size, "seconds": seconds, "share": share}


def profile(unit: Unit, rounds: int = 3, most: int = 7) -> dict[str, Any]:
    """Which of torch's operators the time of a round with evaluation goes to, as shares."""
    engine = Engine(unit)
    engine.train()
    engine.evaluate()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as found:
        prepare_process(torch.get_num_threads())  # the profiler undoes the flushing of denormals
        for _ in range(rounds):
            engine.train()
            engine.evaluate()
    times = {each.key: each.self_cpu_time_total for each in found.key_averages()}
    total = sum(times.values())
    largest = sorted(times, key=lambda name: -times[name])[:most]
    return {"unit": unit.label, "shares": {name: times[name] / total for name in largest}}


def exponent(sizes: list[float], costs: list[float]) -> float:
    """The exponent b of cost ∝ size^b, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _clients_alone(count: int, turns: int) -> Timed:
    prepare_process(1)
    unit = Unit("clients", "pfml", Mlr(name="mlr"), (784,), (40,) * count, (10,) * count, False)
    engine = Engine(unit)
    engine.train()
    seconds = statistics.median(seconds_of(engine.train) for _ in range(turns))
    return {"clients": count, "seconds": seconds, "bytes": _peak()}


def _peak() -> int:
    """Bytes of memory this process has held at most.

    Linux's ru_maxrss starts at what the parent held: its own high-water mark does not.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


_engines: dict[str, Engine] = {}


def _rounds_within(label: str, span: float) -> float:
    """Rounds per second of this process."""
    if label not in _engines:
        prepare_process(1)
        _engines[label] = Engine(next(unit for unit in units() if unit.label == label))
        _engines[label].train()
    start, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < span:
        _engines[label].train()
        count += 1
    return count / passed


def seconds_of(
    call: Callable[[], object], repeats: int = 1, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Mean seconds of a call, including everything that it launched on a GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = clock()
    for _ in range(repeats):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (clock() - start) / repeats


PARTS: dict[str, Callable[[int, list[int]], Any]] = {
    "rounds": lambda turns, _: [rounds(unit, turns) for unit in units()],
    "clients": lambda turns, counts: clients(counts, turns),
    "seeds": lambda turns, _: [
        {"unit": unit.label, **row}
        for unit in units()
        if unit.label in ("Synthetic/MLR pfml", "MNIST/MLR pfml")
        for row in seeds(unit, [1, 2, 5, 10], turns)
    ],
    "checkpoints": lambda turns, _: [
        checkpoint(unit, turns) for unit in units() if unit.algorithm == "pfml"
    ],
    "profiles": lambda turns, _: [
        profile(unit) for unit in units() if unit.name.startswith("MNIST")
    ],
    "convolutions": lambda turns, _: compared(
        units()[-1], turns, partial(sgemm_rate, clock=time.process_time)
    ),
    "leaving": lambda turns, _: leaving.compared(turns, seconds_of),
    "two_jobs": lambda turns, _: processes("MNIST/DNN pfml", 2),
}
"""All that the report on speed shows, on one thread: by part, given turns and client counts."""
