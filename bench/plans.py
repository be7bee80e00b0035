"""What a run of the benchmark measures, in which order. Sides alternate inside every round, each round with another seed,
so that whatever else the machine does meets all of them alike."""

import dataclasses

from figures import BOUND, LIST, LIVE_BITS, ORIGINAL, OURS, PEERS

ALL = (OURS, *PEERS, BOUND)
SYSTEM_HEAP = "process_heap"
WINDOWS = (OURS, ORIGINAL, "rpmalloc", SYSTEM_HEAP)
SCENARIOS = ("combat", "strip", "scripted", "streaming", "modded", "initial-load", "save-load", "area-transition")
SIZES = (16, 64, 256, 1024, 4096, 65536, 1048576)
#: Bytes of the smallest and the largest block.
EXCHANGES = ((16, 1000), (16, 8000), (16, 16000), (128, 64000), (512, 160000))
MEGABYTE = 1 << 20
LARGEST_HOLE = 8 * MEGABYTE


@dataclasses.dataclass(frozen=True)
class Job:
    """One process. `tool`: callgrind, wine or nothing. `factor`: address space as a multiple of the side-independent
    live peak, which an earlier job of the same workload and seed has found."""

    kind: str
    side: str
    arguments: tuple
    case: dict
    tool: str = ""
    factor: float = 0.0

    def describe(self):
        words = [self.kind, self.side] + [f"{value}" for key, value in self.case.items() if key != "kind"]
        return " ".join(words) + (f" ({self.tool})" if self.tool else "")


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much of everything: the whole, or a look."""

    seeds: int = 5
    few_seeds: int = 3
    scale: int = 100
    frames: int = 0
    min_time: float = 0.03
    rounds: int = 30
    exchange_frames: int = 60
    exchanges: tuple = EXCHANGES
    pairs: int = 10000
    threads: tuple = (1, 4, 8)
    many_threads: tuple = (8, 64)
    sizes: tuple = SIZES
    micro_filter: str = "."
    scenarios: tuple = SCENARIOS
    callgrind_sizes: tuple = (64, 4096)
    fresh_bytes: int = 64 * MEGABYTE


FULL = Extent()
QUICK = Extent(seeds=1, few_seeds=1, scale=4, frames=4, min_time=0.001, rounds=2, exchange_frames=2,
               exchanges=((16, 1000), (512, 160000)), pairs=1000, threads=(1, 4),
               many_threads=(8, 64), sizes=(64, 65536), micro_filter="/64/|owns|commit/4096", fresh_bytes=4 * MEGABYTE,
               callgrind_sizes=(64,))


def rotated(sides, by):
    by %= len(sides)
    return sides[by:] + sides[:by]


def session_arguments(workload, threads, seed, extent):
    return ("session", workload, "--threads", str(threads), "--seed", str(seed), "--scale", str(extent.scale),
            "--frames", str(extent.frames))


def sessions(extent):
    for seed in range(1, extent.seeds + 1):
        for workload in ("small", "mix", "long"):
            for threads in extent.threads:
                if workload == "long" and threads > 4 and seed > extent.few_seeds:
                    continue
                for side in rotated(ALL, seed):
                    yield Job("session", side, session_arguments(workload, threads, seed, extent),
                              {"workload": workload, "threads": threads, "seed": seed})


def limits(extent):
    for seed in range(1, extent.few_seeds + 1):
        for factor in (1.15, 1.30, 1.50) if seed == 1 else (1.30,):
            for side in rotated(ALL, seed):
                yield Job("limit", side, session_arguments("long", 4, seed, extent),
                          {"workload": "long", "threads": 4, "seed": seed, "factor": factor}, factor=factor)


def shattered(extent):
    """Holes of 0.5 to 8 MB, twice the live memory in all; no block above 4 MB, so that a hole can hold any."""
    for seed in range(1, extent.few_seeds + 1):
        for side in rotated(ALL, seed):
            arguments = session_arguments("long", 4, seed, extent) + ("--largest", str(4 * MEGABYTE))
            yield Job("shattered", side, arguments, {"workload": "long", "threads": 4, "seed": seed}, factor=2.0)


def scenarios(extent):
    for seed in range(1, extent.few_seeds + 1):
        for name in extent.scenarios:
            for side in rotated(ALL, seed):
                yield Job("scenario", side, ("scenario", name, "--seed", str(seed), "--scale", str(extent.scale), "--frames",
                                             str(extent.frames)), {"workload": name, "seed": seed})


def exchanges(extent):
    for seed in range(1, extent.few_seeds + 1):
        for low, high in extent.exchanges:
            for threads in (1, 2, 4):
                for side in rotated((*ALL, LIVE_BITS), seed):
                    yield Job("exchange", side, ("exchange", "--low", str(low), "--high", str(high), "--threads", str(threads),
                                                 "--seed", str(seed), "--frames", str(extent.exchange_frames)),
                              {"workload": f"{low:,} to {high:,} B", "threads": threads, "seed": seed})


def heaps(extent):
    for seed in range(1, extent.few_seeds + 1):
        for threads in extent.many_threads:
            for side in rotated(ALL, seed):
                yield Job("heaps", side, session_arguments("heaps", threads, seed, extent),
                          {"workload": "heaps", "threads": threads, "seed": seed})
    for side in ALL:
        yield Job("idle", side, ("idle", "--threads", "64"), {"threads": 64})


def micros(extent):
    for seed in range(1, extent.few_seeds + 1):
        for side in rotated(ALL + (LIST,), seed):
            yield Job("micro", side, ("micro", f"--benchmark_min_time={extent.min_time}", "--benchmark_format=json",
                                      f"--benchmark_filter={extent.micro_filter}"), {"seed": seed})
        for size in extent.sizes:
            for threads in (2, 8):
                for side in rotated(ALL, seed):
                    yield Job("remote", side, ("remote", "--size", str(size), "--threads", str(threads), "--count",
                                               str(extent.rounds)), {"size": size, "threads": threads, "seed": seed})
        for side in rotated(ALL, seed):
            yield Job("fresh", side, ("fresh", "--bytes", str(extent.fresh_bytes)), {"seed": seed})


def instructions(extent):
    """Two lengths each: the difference is what the pairs cost."""
    for size in extent.callgrind_sizes:
        for mode in ("pair", "batch", "empty"):
            for side in ALL + (LIST,) if mode != "empty" else (OURS,):
                if side == LIST and size != 64:
                    continue
                for count in (extent.pairs, 2 * extent.pairs):
                    yield Job("instructions", side, ("pairs", "--mode", mode, "--size", str(size), "--count", str(count)),
                              {"mode": mode, "size": size, "count": count}, tool="callgrind")


def suits_windows(side, workload, threads):
    """The system's heap is too slow on several threads to wait for."""
    return side != SYSTEM_HEAP or (workload != "long" and threads == 1)


def windows(extent):
    """A quarter of mix and long: the original's heap holds 200 MB, beyond which it asks its emergency handler for every
    block."""
    quarter = dataclasses.replace(extent, scale=max(1, extent.scale // 4))
    for seed in range(1, extent.few_seeds + 1):
        for workload in ("small", "mix", "long"):
            scaled = extent if workload == "small" else quarter
            for threads in (1, 4):
                for side in rotated(WINDOWS, seed):
                    if not suits_windows(side, workload, threads):
                        continue
                    yield Job("windows", side, session_arguments(workload, threads, seed, scaled),
                              {"workload": workload, "threads": threads, "seed": seed}, tool="wine")
        for side in rotated(WINDOWS, seed):
            yield Job("windows_micro", side, ("micro", f"--benchmark_min_time={extent.min_time}",
                                              "--benchmark_format=json", "--benchmark_filter=pair/.*/threads:1$|owns"),
                      {"seed": seed}, tool="wine")


PARTS = {"sessions": sessions, "exchanges": exchanges, "limits": limits, "shattered": shattered, "scenarios": scenarios,
         "heaps": heaps, "micro": micros, "instructions": instructions, "windows": windows}


def jobs(extent, parts):
    """All jobs; `limits` and `shattered` need the live peaks that `sessions` find."""
    return [job for part in PARTS if part in parts for job in PARTS[part](extent)]
