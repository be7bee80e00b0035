"""What the measurements are held against. Each target is one row: what, how much is wanted, what was measured, met."""

import dataclasses

from summary import BASE

MINIMUM_PATTERN_SPEEDUPS = ((2, 1, 50), (5, 1, 50), (9, 4, 5))  # pattern, threads, factor; boundary mode
MINIMUM_SCRAP_PATTERN_SPEEDUPS = ((2, 1, 50),)
MINIMUM_DOOR_SPEEDUPS = {1: 2.5, 4: 8}  # by threads; full mode
HEAVY_SCENARIOS = ("combat", "scripted", "modded")
MINIMUM_FRAME_SPEEDUP, MINIMUM_HEAVY_SPEEDUP, MINIMUM_P99_SPEEDUP, MINIMUM_LOAD_SPEEDUP = 2, 3, 3, 2
LARGEST_RESERVED_SHARE, LARGEST_COMMITTED_PER_LIVE = 0.75, 1.3
# What a player falls back to lives wherever the unpatched engine lives.
LARGEST_RESERVED_MORE, LARGEST_COMMITTED_SHARE = 32 << 20, 1.05
NOTICEABLE_SHARE = 0.02  # of freed objects; the probe looks at 2000 of each group

SPEED, KERNEL, MEMORY, SAFETY = "speed", "kernel calls", "memory", "freed memory"


@dataclasses.dataclass(frozen=True)
class Kind:
    """Targets of one kind. `why`: why one is missed where one is, as far as it is known; docs/results.md has more."""

    theme: str
    name: str
    why: str = "reason not known"


PATTERN = Kind(SPEED, "patterns")
TIME = Kind(SPEED, "frames and loads", "waiting for threads is in it")
WORST = Kind(SPEED, "worst frame or step", "the first one pays ahead")
DOOR = Kind(SPEED, "front doors", "the threads share the cores")
STEADY = Kind(KERNEL, "steady frames", "some memory is committed ahead in steps")
STEADY_BELOW = Kind(KERNEL, "steady frames", "the C runtime's own heap, steps ahead")
RESERVED = Kind(MEMORY, "reserved")
COMMITTED = Kind(MEMORY, "committed", "size classes, freed blocks wait")
PER_LIVE = Kind(MEMORY, "committed/live", "a span a size and thread, reserves")
ENGINE = Kind(MEMORY, "engine's allocators")
STALE = Kind(SAFETY, "readable")
FREED = Kind(SAFETY, "readable at once")


def row(kind, side, target, wanted, measured, met):
    return {"target": f"{side}: {target}", "wanted": wanted, "measured": measured, "met": met, "theme": kind.theme,
            "kind": f"{side}, {kind.name}", "why": kind.why}


def at_least(kind, side, target, ratio, wanted):
    return row(kind, side, target, f"{wanted:g} times", f"{ratio:.2f} times", ratio >= wanted)


# --- boundary mode -------------------------------------------------------------------------------------------------------


def pattern_targets(patterns, side, wanted_speedups):
    for number, threads, wanted in wanted_speedups:
        for pattern in patterns:
            if pattern["pattern"] == number and pattern["threads"] == threads:
                yield at_least(PATTERN, side, f"pattern {number}, {threads} thread(s), cheaper per call",
                               pattern["speedup"][side], wanted)


def steady_target(scenario, side):
    calls, system = (scenario["sides"][side][key] for key in ("kernel_calls_per_step", "system_calls_per_step"))
    return row(STEADY if side == "full" else STEADY_BELOW, side,
               f"{scenario['title']}, kernel calls per frame in steady state", "0",
               f"{calls:g}, the system's heaps {system:g} (off: {scenario['sides'][BASE]['kernel_calls_per_step']:g})",
               calls == 0)


def worst_target(scenario, side):
    step = "frame" if scenario["kind"] == "frames" else "step"
    return at_least(WORST, side, f"{scenario['title']}, worst {step} shorter", scenario["speedup"][side]["worst"], 1)


# --- scrap and boundary mode ---------------------------------------------------------------------------------------------


def frugal_targets(scenario, side):
    with_plugin, base = scenario["sides"][side], scenario["sides"][BASE]
    more = with_plugin["peak_reserved"] - base["peak_reserved"]
    yield row(RESERVED, side, f"{scenario['title']}, peak reserved beyond off", f"at most {LARGEST_RESERVED_MORE >> 20} MB",
              f"{more / (1 << 20):.0f} MB", more <= LARGEST_RESERVED_MORE)
    share = with_plugin["peak_committed"] / base["peak_committed"]
    yield row(COMMITTED, side, f"{scenario['title']}, peak committed", f"at most {LARGEST_COMMITTED_SHARE:.0%} of off",
              f"{share:.0%}", share <= LARGEST_COMMITTED_SHARE)


# --- full mode -----------------------------------------------------------------------------------------------------------


def time_targets(scenario, side):
    ratios, title = scenario["speedup"][side], scenario["title"]
    if scenario["kind"] == "load":
        yield at_least(TIME, side, f"{title}, memory time lower", ratios["total"], MINIMUM_LOAD_SPEEDUP)
        return
    wanted = MINIMUM_HEAVY_SPEEDUP if scenario["name"] in HEAVY_SCENARIOS else MINIMUM_FRAME_SPEEDUP
    yield at_least(TIME, side, f"{title}, memory time per frame lower", ratios["mean"], wanted)
    yield at_least(TIME, side, f"{title}, 99th-percentile frame lower", ratios["p99"], MINIMUM_P99_SPEEDUP)


def memory_targets(scenario, side):
    with_plugin, base = scenario["sides"][side], scenario["sides"][BASE]
    share = with_plugin["peak_reserved"] / base["peak_reserved"]
    yield row(RESERVED, side, f"{scenario['title']}, peak reserved", f"at most {LARGEST_RESERVED_SHARE:.0%} of off",
              f"{share:.0%}", share <= LARGEST_RESERVED_SHARE)
    per_live = with_plugin["committed_per_live"]
    yield row(PER_LIVE, side, f"{scenario['title']}, committed/live", f"at most {LARGEST_COMMITTED_PER_LIVE:g}",
              f"{per_live:.2f} (off: {base['committed_per_live']:.2f})", per_live <= LARGEST_COMMITTED_PER_LIVE)


def engine_target(scenarios, side):
    used = sorted({f"{scenario['name']}: {key} {count}" for scenario in scenarios
                   for key, count in scenario["sides"][side]["engine"].items() if count != 0})
    return row(ENGINE, side, "pools, heaps, scrap buffers built and engine's allocators entered", "0",
               ", ".join(used) or "0", not used)


def door_targets(doors, side):
    for door in doors:
        wanted = MINIMUM_DOOR_SPEEDUPS[door["threads"]]
        yield at_least(DOOR, side, f"{door['size']} bytes allocated and freed, {door['threads']} thread(s), faster",
                       door["speedup"][side], wanted)


def stale_targets(stale, side):
    for group in stale:
        worse = [f"{row['distance']} {row['unit']}: {row['readable'][side]:.0%} ({BASE}: {row['readable'][BASE]:.0%})"
                 for row in group["distances"] if row["readable"][side] < row["readable"][BASE] - NOTICEABLE_SHARE]
        yield row(STALE, side, f"freed objects readable, {group['title']}", "no fewer at any distance",
                  ", ".join(worse) or "no fewer", not worse)


def freed_targets(freed, side):
    for entry in freed:
        worst = max(shares[side] for shares in entry["faults"].values())
        yield row(FREED, side, f"of {entry['megabytes']} MB freed in blocks of {entry['low'] // 1024} to "
                  f"{entry['high'] // 1024} KB unreadable within the time promised", "none", f"{worst:.0%}", worst == 0)


def targets(patterns, doors, stale, freed, scenarios, sides):
    rows = []
    if "scrap" in sides:
        rows += pattern_targets(patterns, "scrap", MINIMUM_SCRAP_PATTERN_SPEEDUPS)
        for scenario in scenarios:
            rows += frugal_targets(scenario, "scrap")
    if "boundary" in sides:
        rows += pattern_targets(patterns, "boundary", MINIMUM_PATTERN_SPEEDUPS)
        rows += [steady_target(s, "boundary") for s in scenarios if s["kind"] == "frames"]
        rows += [worst_target(s, "boundary") for s in scenarios]
        for scenario in scenarios:
            rows += frugal_targets(scenario, "boundary")
    if "full" in sides:
        rows += [engine_target(scenarios, "full")] if scenarios else []
        rows += [steady_target(s, "full") for s in scenarios if s["kind"] == "frames"]
        for scenario in scenarios:
            rows += time_targets(scenario, "full")
        rows += door_targets(doors, "full")
        for scenario in scenarios:
            rows += memory_targets(scenario, "full")
        rows += stale_targets(stale, "full")
        rows += freed_targets(freed, "full")
    return rows
