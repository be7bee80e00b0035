"""From the documents of single runs to the summary's numbers: medians, and medians of the ratios of runs of one round.

A side is the game with the plugin in one mode, activated at one moment; the first side, BASE, is the plugin switched off.
"""

import statistics

BASE = "off"


def median(values):
    return statistics.median(values)


def median_ratio(numerators, denominators):
    """Median over rounds; a round whose denominator is 0 has no ratio. None when there is none at all."""
    ratios = [n / d for n, d in zip(numerators, denominators) if d]
    return median(ratios) if ratios else None


def dig(document, path):
    for key in path:
        document = document[key]
    return document


def speedups(documents, path):
    """How many times shorter than at the base: {side: ratio}."""
    values = {side: [dig(document, path) for document in runs] for side, runs in documents.items()}
    return {side: median_ratio(values[BASE], runs) for side, runs in values.items() if side != BASE}


# --- patterns and doors --------------------------------------------------------------------------------------------------


def pattern_side(entries):
    return {"calls": entries[-1]["calls"], "ns_per_call": median([e["ns_per_call"] for e in entries]),
            "kernel_calls": median([e["kernel_calls"]["total"] for e in entries]),
            "calls_by_function": {f["name"]: f["calls"] for f in entries[-1]["functions"]}}


def pattern_summaries(documents):
    """One object for each entry of the runs' pattern lists, in their order."""
    summaries = []
    for index, entry in enumerate(documents[BASE][0]["patterns"]):
        entries = {side: [document["patterns"][index] for document in runs] for side, runs in documents.items()}
        summaries.append({"pattern": entry["pattern"], "title": entry["title"], "loop": entry["loop"],
                          "threads": entry["threads"],
                          "functions": [{"name": f["name"], "address": f["address"]} for f in entry["functions"]],
                          "sides": {side: pattern_side(runs) for side, runs in entries.items()},
                          "speedup": speedups(entries, ["ns_per_call"])})
    return summaries


def door_summaries(documents):
    """The front doors measured alone: one object for each number of threads."""
    summaries = []
    for index, entry in enumerate(documents[BASE][0]["doors"]):
        entries = {side: [document["doors"][index] for document in runs] for side, runs in documents.items()}
        summaries.append({"size": entry["size"], "threads": entry["threads"], "pairs": entry["pairs"],
                          "ns_per_pair": {side: median([e["ns_per_pair"] for e in runs])
                                          for side, runs in entries.items()},
                          "speedup": speedups(entries, ["ns_per_pair"])})
    return summaries


# --- scenarios -----------------------------------------------------------------------------------------------------------


def scenario_side(entries):
    def of(*path):
        return median([dig(entry, path) for entry in entries])

    return {"mean_ns": of("memory_time_ns", "mean"), "p99_ns": of("memory_time_ns", "p99"),
            "worst_ns": of("memory_time_ns", "worst"), "total_ns": of("memory_time_ns", "total"),
            "kernel_calls": of("kernel_calls", "total"), "kernel_calls_per_step": of("steady", "kernel_calls_per_step"),
            "system_calls_per_step": median([e["steady"]["kernel_calls"]["by_system"] / max(1, e["steady"]["steps"])
                                             for e in entries]),
            "peak_committed": of("memory", "peak_committed"), "peak_reserved": of("memory", "peak_reserved"),
            "largest_hole": of("memory", "largest_hole"), "live_bytes": of("memory", "live_bytes"),
            "committed_per_live": of("memory", "committed_per_live"), "engine": entries[-1]["engine"]}


def scenario_summary(documents):
    entries = {side: [document["scenario"] for document in runs] for side, runs in documents.items()}
    first = entries[BASE][0]
    if any(entry["operations"] != first["operations"] for runs in entries.values() for entry in runs):
        raise ValueError(f"{first['name']}: runs of the same seed did different work")
    by_measure = {key: speedups(entries, ["memory_time_ns", key]) for key in ("mean", "p99", "worst", "total")}
    return {"name": first["name"], "title": first["title"], "kind": first["kind"], "steps": first["steps"],
            "operations": first["operations"], "sides": {side: scenario_side(runs) for side, runs in entries.items()},
            "speedup": {side: {key: ratios[side] for key, ratios in by_measure.items()}
                        for side in entries if side != BASE}}


# --- stale reads ---------------------------------------------------------------------------------------------------------


def readable_share(count):
    """Share of freed objects of which at least everything but the first eight bytes was as before."""
    return (count["whole"] + count["links"]) / count["objects"]


def stale_summaries(documents):
    """For each group of sizes and each distance: the share of freed objects that still read as before, by side."""
    summaries = []
    for index, group in enumerate(documents[BASE]["stale"]):
        rows = []
        for unit in ("after_frees", "after_frames"):
            for position, count in enumerate(group[unit]):
                shares = {side: readable_share(document["stale"][index][unit][position])
                          for side, document in documents.items()}
                rows.append({"unit": unit.removeprefix("after_"), "distance": count["distance"], "readable": shares})
        summaries.append({"title": group["title"], "low": group["low"], "high": group["high"], "distances": rows})
    return summaries


def freed_summaries(documents):
    """For each amount of freed memory: the share of its blocks that could not be read any more, by moment and side."""
    summaries = []
    for index, freed in enumerate(documents[BASE]["freed"]):
        shares = {moment: {side: document["freed"][index][f"faults_{moment}"] / document["freed"][index]["blocks"]
                           for side, document in documents.items()}
                  for moment in ("at_once", "after_a_second", "after_loading")}
        summaries.append({"megabytes": freed["megabytes"], "low": freed["low"], "high": freed["high"], "faults": shares})
    return summaries
