"""From the documents of single runs to the summary's numbers: medians, and medians of the ratios of paired runs."""

import statistics

WITHOUT, WITH = "without", "with"


def median(values):
    return statistics.median(values)


def median_ratio(numerators, denominators):
    """Median over pairs; a pair whose denominator is 0 has no ratio. None when there is none at all."""
    ratios = [n / d for n, d in zip(numerators, denominators) if d]
    return median(ratios) if ratios else None


# --- patterns ------------------------------------------------------------------------------------------------------------


def pattern_side(entries):
    return {"calls": entries[-1]["calls"], "ns_per_call": median([e["ns_per_call"] for e in entries]),
            "kernel_calls": median([e["kernel_calls"]["total"] for e in entries]),
            "calls_by_function": {f["name"]: f["calls"] for f in entries[-1]["functions"]}}


def pattern_summaries(without, with_plugin):
    """One object for each entry of the runs' pattern lists, in their order."""
    summaries = []
    for index, entry in enumerate(without[0]["patterns"]):
        before = [document["patterns"][index] for document in without]
        after = [document["patterns"][index] for document in with_plugin]
        speedup = median_ratio([e["ns_per_call"] for e in before], [e["ns_per_call"] for e in after])
        summaries.append({"pattern": entry["pattern"], "title": entry["title"], "loop": entry["loop"],
                          "threads": entry["threads"],
                          "functions": [{"name": f["name"], "address": f["address"]} for f in entry["functions"]],
                          WITHOUT: pattern_side(before), WITH: pattern_side(after), "speedup": speedup})
    return summaries


# --- scenarios -----------------------------------------------------------------------------------------------------------


def scenario_side(entries):
    def of(*path):
        values = []
        for entry in entries:
            for key in path:
                entry = entry[key]
            values.append(entry)
        return median(values)

    return {"mean_ns": of("memory_time_ns", "mean"), "p99_ns": of("memory_time_ns", "p99"),
            "worst_ns": of("memory_time_ns", "worst"), "total_ns": of("memory_time_ns", "total"),
            "kernel_calls": of("kernel_calls", "total"), "kernel_calls_per_step": of("steady", "kernel_calls_per_step"),
            "system_calls_per_step": median([e["steady"]["kernel_calls"]["by_system"] / max(1, e["steady"]["steps"])
                                             for e in entries]),
            "peak_committed": of("memory", "peak_committed"), "peak_reserved": of("memory", "peak_reserved"),
            "largest_hole": of("memory", "largest_hole"), "live_bytes": of("memory", "live_bytes"),
            "committed_per_live": of("memory", "committed_per_live")}


def scenario_summary(without, with_plugin):
    before = [document["scenario"] for document in without]
    after = [document["scenario"] for document in with_plugin]
    if any(entry["operations"] != before[0]["operations"] for entry in before + after):
        raise ValueError(f"{before[0]['name']}: runs of the same seed did different work")

    def faster(key):
        return median_ratio([e["memory_time_ns"][key] for e in before], [e["memory_time_ns"][key] for e in after])

    return {"name": before[0]["name"], "title": before[0]["title"], "kind": before[0]["kind"],
            "steps": before[0]["steps"], "operations": before[0]["operations"], WITHOUT: scenario_side(before),
            WITH: scenario_side(after),
            "speedup": {key: faster(key) for key in ("mean", "p99", "worst", "total")}}


# --- targets -------------------------------------------------------------------------------------------------------------

MINIMUM_SPEEDUPS = ((2, 1, 50), (5, 1, 50), (9, 4, 5))  # pattern, threads, factor


def pattern_targets(patterns):
    for number, threads, wanted in MINIMUM_SPEEDUPS:
        for pattern in patterns:
            if pattern["pattern"] == number and pattern["threads"] == threads:
                yield {"target": f"pattern {number}, {threads} thread(s): cheaper per call", "wanted": f"{wanted} times",
                       "measured": f"{pattern['speedup']:.1f} times", "met": pattern["speedup"] >= wanted}


def scenario_targets(scenarios):
    for scenario in scenarios:
        if scenario["kind"] == "frames":
            calls, system = (scenario[WITH][key] for key in ("kernel_calls_per_step", "system_calls_per_step"))
            yield {"target": f"{scenario['title']}: kernel calls per frame, steady", "wanted": "0",
                   "measured": f"{calls:g}, the system's heaps {system:g} (without: "
                               f"{scenario[WITHOUT]['kernel_calls_per_step']:g})", "met": calls == 0}
        ratio = scenario["speedup"]["worst"]
        yield {"target": f"{scenario['title']}: worst {'frame' if scenario['kind'] == 'frames' else 'step'} no worse",
               "wanted": "1 time", "measured": f"{ratio:.2f} times shorter", "met": ratio >= 1}


def targets(patterns, scenarios):
    return [*pattern_targets(patterns), *scenario_targets(scenarios)]
