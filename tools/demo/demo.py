#!/usr/bin/env python3
"""Plays the scenarios of the stand-in with the plugin off, in scrap, boundary and full mode, activated in Preload and in
Load, alternating in one run, and shows what changed.

Results go to the terminal as tables and to build/run/summary.json (keys: docs/results.md). Exit code 0 when every run
was sound, the plugin replaced everything and said so; 1 otherwise. With --limits: looks for the smallest address space that
is survived, into build/run/limits.json.
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

COMMANDS = ("GetTotalAllocations", "GetTotalFrees", "GetSavedSyscalls", "GetPatchCount", "IsMemorySystemActive",
            "GetFrontDoorCount")
QUICK_FRAMES, QUICK_SCALE = 60, 50
# What is played for the report. It is no measurement: the report's charts have a point a second.
SESSION_SCENARIO, SESSION_FRAMES, QUICK_SESSION_FRAMES = "modded", 3000, 300

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import limits  # noqa: E402
from game import GAME, REPORTS, RESULTS, ROOT, RUN, SIDES, Failed, answer, assemble, plugin_log, run_game  # noqa: E402
from summary import BASE, door_summaries, freed_summaries, pattern_summaries, scenario_summary, stale_summaries  # noqa: E402
from tables import Table, bytes_text, factor_text, number, time_text  # noqa: E402
from targets import targets  # noqa: E402


@dataclasses.dataclass
class Options:
    scenarios: list
    repeat: int
    quick: bool
    build: pathlib.Path
    sides: list
    limits: bool
    limits_minutes: float
    limits_runs: int


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./run", description=__doc__.split("\n\n")[0],
                                     epilog="./run bench measures the allocator against others: ./run bench --help")
    parser.add_argument("--scenario", action="append", help="only this scenario (may be given again); 'patterns' for none")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of all sides; medians are shown (default 3)")
    parser.add_argument("--quick", action="store_true", help="shorter runs: for a look, not for numbers")
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build" / "win32", help="CMake's build folder")
    parser.add_argument("--side", action="append", choices=[side for side in SIDES if side != BASE],
                        help="only this side beside 'off' (may be given again; default: all, with --limits those with Preload)")
    parser.add_argument("--limits", action="store_true",
                        help="instead: look for the smallest address space that each side survives, playing "
                             f"{' and '.join(limits.SCENARIOS)} or what --scenario says")
    parser.add_argument("--limits-minutes", type=float, default=20, help="stop the search after so long (default 20)")
    parser.add_argument("--limits-runs", type=int, default=3,
                        help="runs of each scenario that a size must survive, all of them (default 3)")
    arguments = parser.parse_args()
    wanted = arguments.side or [side for side, (_, preload) in SIDES.items() if preload or not arguments.limits]
    return Options(arguments.scenario or [], max(1, arguments.repeat), arguments.quick, arguments.build_dir.resolve(),
                   [side for side in SIDES if side == BASE or side in wanted], arguments.limits, arguments.limits_minutes,
                   max(1, arguments.limits_runs))


# --- runs ------------------------------------------------------------------------------------------------------------


def alternating_runs(options, name, arguments):
    """`repeat` rounds of all sides, the order changing from round to round. {side: [documents]}"""
    documents = {side: [] for side in options.sides}
    for turn in range(options.repeat):
        for side in options.sides if turn % 2 == 0 else reversed(options.sides):
            documents[side].append(run_game(options.build, side, f"{name}-{turn + 1}", arguments))
    return documents


def record_session(options, side):
    """A longer run whose session file and page are kept. Returns its JSON document."""
    frames = QUICK_SESSION_FRAMES if options.quick else SESSION_FRAMES
    document = run_game(options.build, side, "session", ["--scenario", SESSION_SCENARIO, "--frames", str(frames)])
    for ending in (".csv", ".html"):
        recorded = GAME / f"MemoryPoolNVSE{ending}"
        if not recorded.exists():
            raise Failed(f"{side}: the plugin left no {recorded.name}\n{plugin_log()}")
        shutil.move(recorded, REPORTS / f"{side}{ending}")
    return document


def progress(text, started):
    print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)


def list_scenarios():
    done = subprocess.run([str(ROOT / "scripts" / "wine"), "./FalloutNV.exe", "--list"], cwd=GAME, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"the game does not start: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.split()


def scenarios_to_play(options):
    known = list_scenarios()
    unknown = [name for name in options.scenarios if name not in known and name != "patterns"]
    if unknown:
        raise Failed(f"unknown scenario {unknown[0]}; known: {', '.join(known)}")
    return [name for name in known if not options.scenarios or name in options.scenarios]


# --- tables --------------------------------------------------------------------------------------------------------------


def faster_columns(speedup, sides):
    return [factor_text(speedup[side]) for side in sides if side != BASE]


def print_patterns(patterns, sides):
    others = [side for side in sides if side != BASE]
    table = Table("Patterns: time of a call with the plugin off, and how many times shorter; the time includes the loop "
                  "that its callers make around it", ["pattern", "functions", "calls", BASE, *others])
    calls = Table("Patterns: kernel calls", ["pattern", *sides])
    for pattern in patterns:
        threads = f" ({pattern['threads']} threads)" if pattern["threads"] > 1 else ""
        name = f"{pattern['pattern']} {pattern['title']}{threads}"
        table.add([name, " ".join(f["address"].removeprefix("0x00") for f in pattern["functions"]),
                   number(pattern["sides"][BASE]["calls"]), time_text(pattern["sides"][BASE]["ns_per_call"]),
                   *faster_columns(pattern["speedup"], sides)])
        calls.add([name, *(number(pattern["sides"][side]["kernel_calls"]) for side in sides)])
    table.print()
    calls.print()


def print_doors(doors, sides):
    table = Table("Front doors: one block allocated and freed through 0x401000 and 0x401030",
                  ["block, threads", *sides, *(f"{side} faster" for side in sides if side != BASE)])
    for door in doors:
        table.add([f"{door['size']} bytes, {door['threads']}", *(time_text(door["ns_per_pair"][side]) for side in sides),
                   *faster_columns(door["speedup"], sides)])
    table.print()


MEASURES = (  # title, kind of scenario (None: all), key, text
    ("Memory time per frame (main thread), mean", "frames", "mean_ns", time_text),
    ("Memory time per frame, 99th percentile", "frames", "p99_ns", time_text),
    ("Memory time per frame, worst", "frames", "worst_ns", time_text),
    ("Kernel calls per frame in the steady last third, all threads", "frames", "kernel_calls_per_step", number),
    ("Memory time of a load, total", "load", "total_ns", time_text),
    ("Memory time of a load, worst step", "load", "worst_ns", time_text),
    ("Kernel calls of a load, all threads", "load", "kernel_calls", number),
    ("Peak committed", None, "peak_committed", bytes_text),
    ("Peak reserved", None, "peak_reserved", bytes_text),
    ("Largest hole in the address space, smallest value seen", None, "largest_hole", bytes_text),
    ("Committed over live bytes at the end", None, "committed_per_live", lambda value: f"{value:.2f}"),
)


def print_scenarios(scenarios, sides):
    for title, kind, key, text in MEASURES:
        table = Table(title, ["scenario", "operations", *sides])
        for scenario in scenarios:
            if kind in (None, scenario["kind"]):
                table.add([scenario["title"], number(scenario["operations"]),
                           *(text(scenario["sides"][side][key]) for side in sides)])
        table.print()


def print_stale(stale, sides):
    for group in stale:
        table = Table(f"Freed objects that still read as before but for their first 8 bytes: {group['title']}, "
                      f"{group['low']} to {group['high']} bytes", ["after", *sides])
        for row in group["distances"]:
            table.add([f"{row['distance']} {row['unit']}", *(f"{row['readable'][side]:.0%}" for side in sides)])
        table.print()


def print_freed(freed, sides):
    table = Table("Memory freed at one time: blocks that cannot be read any more", ["freed", "blocks", "looked at", *sides])
    for entry in freed:
        for moment, shares in entry["faults"].items():
            table.add([f"{entry['megabytes']} MB", f"{entry['low'] // 1024} to {entry['high'] // 1024} KB",
                       moment.replace("_", " "), *(f"{shares[side]:.0%}" for side in sides)])
    table.print()


def print_targets(checked):
    table = Table("Targets", ["target", "wanted", "measured", "met"])
    for target in checked:
        table.add([target["target"], target["wanted"], target["measured"], "yes" if target["met"] else "NO"])
    table.print()


def print_console(answers):
    print("Console of the game, last run:")
    for command in COMMANDS:
        for line in answers[command]["console"]:
            print(f"  > {line}")
    print()


# --- the whole -----------------------------------------------------------------------------------------------------------


def play_all(options, started):
    """Everything measured, as the summary's document."""
    quick = ["--scale", str(QUICK_SCALE)] if options.quick else []
    names = scenarios_to_play(options)
    runs = len(options.sides) * options.repeat
    progress(f"patterns and front doors: {runs} runs", started)
    documents = alternating_runs(options, "patterns", ["--patterns", *quick])
    patterns, doors = pattern_summaries(documents), door_summaries(documents)
    progress(f"stale reads: {len(options.sides)} runs", started)
    documents = {side: run_game(options.build, side, "stale", ["--stale", *quick]) for side in options.sides}
    stale, freed = stale_summaries(documents), freed_summaries(documents)
    scenarios = []
    for name in names:
        progress(f"{name}: {runs} runs", started)
        frames = ["--frames", str(QUICK_FRAMES)] if options.quick else []
        documents = alternating_runs(options, name, ["--scenario", name, *quick, *frames])
        scenarios.append(scenario_summary(documents))
    reported = "full" if "full" in options.sides else options.sides[-1]
    progress(f"sessions for the report: {BASE}, {reported}", started)
    record_session(options, BASE)
    last = record_session(options, reported)
    return {"repeat": options.repeat, "quick": options.quick, "sides": options.sides, "patterns": patterns, "doors": doors,
            "stale": stale, "freed": freed, "scenarios": scenarios,
            "targets": targets(patterns, doors, stale, freed, scenarios, options.sides), "console": last["commands"],
            "report": f"build/run/reports/{reported}.html", "patch_count": int(answer(last, "GetPatchCount")), "active": int(answer(last, "IsMemorySystemActive"))}


def show(summary):
    print()
    sides = summary["sides"]
    print_patterns(summary["patterns"], sides)
    print_doors(summary["doors"], sides)
    print_scenarios(summary["scenarios"], sides)
    print_stale(summary["stale"], sides)
    print_freed(summary["freed"], sides)
    print_targets(summary["targets"])
    print_console(summary["console"])


# --- limits --------------------------------------------------------------------------------------------------------------


def play_limited(options, side, megabytes, scenario, seed, seconds):
    """One run with so much address space. None when it survived, else in a few words how it ended."""
    scale = QUICK_SCALE if options.quick else 100
    try:
        run_game(options.build, side, f"limits-{scenario}", [
            "--scenario", scenario, "--seed", str(seed), "--frames", str(limits.FRAMES), "--scale", str(scale),
            "--address-space", str(megabytes)], seconds)
    except Failed as failure:
        lines = [line for line in str(failure).splitlines() if line.strip()]
        return "; ".join([lines[0].split(": ", 1)[-1], *lines[1:][-1:]])  # and the last thing that was said
    return None


def find_limits(options, started):
    names = scenarios_to_play(options) if options.scenarios else list(limits.SCENARIOS)
    if not names:
        raise Failed("--limits needs a scenario to play")
    sweep = limits.Sweep(functools.partial(play_limited, options), options.sides, names, options.limits_runs,
                         options.limits_minutes * 60, tell=lambda text: progress(text, started))
    document = {"smallest_mb": limits.SMALLEST_MB, "largest_mb": limits.LARGEST_MB, "step_mb": limits.STEP_MB,
                "scenarios": names, "frames": limits.FRAMES, "scale": QUICK_SCALE if options.quick else 100,
                "runs": options.limits_runs, "minutes": options.limits_minutes}
    progress(f"limits of {', '.join(options.sides)}: at most {options.limits_minutes:g} minutes", started)
    document["sides"] = sweep.run()
    return document


def limits_main(options, started):
    assemble(options.build)
    document = find_limits(options, started)
    document["seconds"] = round(time.monotonic() - started, 1)
    path = RUN / "limits.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    limits.show(document)
    print(f"limits: {path.relative_to(ROOT)} ({document['seconds']} s)")
    return 0


def main():
    options = parse_arguments()
    started = time.monotonic()
    try:
        if options.limits:
            return limits_main(options, started)
        for folder in (RESULTS, REPORTS):
            shutil.rmtree(folder, ignore_errors=True)
        assemble(options.build)
        summary = play_all(options, started)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    summary["seconds"] = round(time.monotonic() - started, 1)
    (RUN / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    show(summary)
    print(f"summary: {(RUN / 'summary.json').relative_to(ROOT)} ({summary['seconds']} s)")
    print(f"patch count {summary['patch_count']}")
    print(f"active {summary['active']}")
    tool = os.path.relpath(options.build / "bin" / "mpnvse.exe", ROOT)
    session = pathlib.Path(summary["report"]).with_suffix(".csv")
    print(f"compare: scripts/wine {tool} compare build/run/reports/{BASE}.csv {session}")
    print(f"report: {summary['report']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
