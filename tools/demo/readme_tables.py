#!/usr/bin/env python3
"""Prints the tables of README (the first one) and docs/results.md (all others) from a summary of the demonstration (default:
build/run/summary.json). Each column has one unit."""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from report import overview  # noqa: E402
from tables import factor_text, megabytes, milliseconds, number, three  # noqa: E402

SIDES = ("off", "scrap", "boundary", "full")


def row(cells):
    print("| " + " | ".join(cells) + " |")


def head(cells):
    print()
    row(cells)
    row(["---"] * len(cells))


def first_look(summary):
    _, rows = overview(summary)
    head(["scenario", "memory time, off (ms)", "full (ms)", "shorter", "99th %", "kernel calls a frame, off", "full",
          "reserved, off (MB)", "full (MB)", "committed, off (MB)", "full (MB)"])
    for cells in rows:
        row(cells)


def patterns(summary):
    head(["pattern", "µs a call, off", *SIDES[1:], "kernel calls, off", *SIDES[1:]])
    for pattern in summary["patterns"]:
        sides = pattern["sides"]
        threads = f" ({pattern['threads']} threads)" if pattern["threads"] > 1 else ""
        row([f"{pattern['pattern']} {pattern['title']}{threads}", three(sides["off"]["ns_per_call"] / 1e3),
             *(factor_text(pattern["speedup"][side]) for side in SIDES[1:]),
             *(number(sides[side]["kernel_calls"]) for side in SIDES)])


def doors(summary):
    head(["front doors: ns to allocate and free 64 bytes", *SIDES, "full is faster"])
    for door in summary["doors"]:
        threads = "1 thread" if door["threads"] == 1 else f"{door['threads']} threads"
        row([threads, *(three(door["ns_per_pair"][side]) for side in SIDES), factor_text(door["speedup"]["full"])])


def frames(summary):
    head(["memory time per frame (load: total), ms", *SIDES, "kernel calls per frame, off", *SIDES[1:]])
    for scenario in summary["scenarios"]:
        sides, load = scenario["sides"], scenario["kind"] == "load"
        calls = ["-"] * len(SIDES) if load else [number(sides[side]["kernel_calls_per_step"]) for side in SIDES]
        row([scenario["title"], *(milliseconds(sides[side]["total_ns" if load else "mean_ns"]) for side in SIDES), *calls])


def memory(summary):
    columns = [f"{title}, {side}" for title in ("committed", "reserved", "committed/live") for side in SIDES]
    head(["memory at its peak, MB", *columns])
    for scenario in summary["scenarios"]:
        sides = scenario["sides"]
        row([scenario["title"], *(megabytes(sides[side]["peak_committed"]) for side in SIDES),
             *(megabytes(sides[side]["peak_reserved"]) for side in SIDES),
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
    for part in (first_look, patterns, doors, frames, memory, stale, freed, missed):
        part(summary)


if __name__ == "__main__":
    main()
