#!/usr/bin/env python3
"""Prints the tables of README (frames) and docs/results.md (all others) from a summary of the demonstration (default:
build/run/summary.json)."""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from tables import bytes_text, factor_text, number, time_text  # noqa: E402

SIDES = ("off", "scrap", "boundary", "full")


def row(cells):
    print("| " + " | ".join(cells) + " |")


def head(cells):
    print()
    row(cells)
    row(["---"] * len(cells))


def patterns(summary):
    head(["pattern", "time of a call, off", *SIDES[1:], "kernel calls, off", *SIDES[1:]])
    for pattern in summary["patterns"]:
        sides = pattern["sides"]
        threads = f" ({pattern['threads']} threads)" if pattern["threads"] > 1 else ""
        row([f"{pattern['pattern']} {pattern['title']}{threads}", time_text(sides["off"]["ns_per_call"]),
             *(factor_text(pattern["speedup"][side]) for side in SIDES[1:]),
             *(number(sides[side]["kernel_calls"]) for side in SIDES)])


def doors(summary):
    head(["front doors: 64 bytes allocated and freed", *SIDES, "full is faster"])
    for door in summary["doors"]:
        threads = "1 thread" if door["threads"] == 1 else f"{door['threads']} threads"
        row([threads, *(time_text(door["ns_per_pair"][side]) for side in SIDES), factor_text(door["speedup"]["full"])])


def frames(summary):
    head(["memory time per frame (load: total)", *SIDES, "full: mean lower", "99th %", "kernel calls per frame, off",
          *SIDES[1:]])
    for scenario in summary["scenarios"]:
        sides, load = scenario["sides"], scenario["kind"] == "load"
        ratios = scenario["speedup"]["full"]
        calls = ["–"] * len(SIDES) if load else [number(sides[side]["kernel_calls_per_step"]) for side in SIDES]
        row([scenario["title"], *(time_text(sides[side]["total_ns" if load else "mean_ns"]) for side in SIDES),
             factor_text(ratios["total" if load else "mean"]), "–" if load else factor_text(ratios["p99"]), *calls])


def memory(summary):
    columns = [f"{title}, {side}" for title in ("committed", "reserved", "committed/live") for side in SIDES]
    head(["memory at its peak", *columns])
    for scenario in summary["scenarios"]:
        sides = scenario["sides"]
        row([scenario["title"], *(bytes_text(sides[side]["peak_committed"]) for side in SIDES),
             *(bytes_text(sides[side]["peak_reserved"]) for side in SIDES),
             *(f"{sides[side]['committed_per_live']:.2f}" for side in SIDES)])


def stale(summary):
    head(["freed objects that still read as before", "after", *SIDES])
    for group in summary["stale"]:
        for entry in group["distances"]:
            if (entry["unit"], entry["distance"]) in (("frees", 1), ("frees", 64), ("frames", 1), ("frames", 8)):
                row([f"{group['title']}, {group['low']} to {group['high']} bytes", f"{entry['distance']} {entry['unit']}",
                     *(f"{entry['readable'][side]:.0%}" for side in SIDES)])


def freed(summary):
    head(["freed at one time, cannot be read", "looked at", *SIDES])
    for entry in summary["freed"]:
        for moment, shares in entry["faults"].items():
            row([f"{entry['megabytes']} MB in blocks of {entry['low'] // 1024} to {entry['high'] // 1024} KB",
                 moment.replace("_", " "), *(f"{shares[side]:.0%}" for side in SIDES)])


def missed(summary):
    print()
    for target in summary["targets"]:
        if not target["met"]:
            print(f"- missed: {target['target']}: wanted {target['wanted']}, measured {target['measured']}")


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "run" / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    for part in (patterns, doors, frames, memory, stale, freed, missed):
        part(summary)


if __name__ == "__main__":
    main()
