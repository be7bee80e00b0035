#!/usr/bin/env python3
"""Plays the scenarios of the stand-in with the plugin off, in scrap, boundary and full mode, activated in Preload and in
Load, alternating in one run, and shows what changed.

Results go to the terminal as tables and to build/run/summary.json (keys: docs/summary.md). Exit code 0 when every run
was sound, the plugin replaced everything and said so; 1 otherwise.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "build" / "run"
GAME = RUN / "game"
RESULTS = RUN / "results"
REPORTS = RUN / "reports"
PLUGIN = "MemoryPoolNVSE.dll"
# The sides of the comparison: the plugin's mode, and whether Preload runs. The base comes first.
SIDES = {
    "off": ("off", True),
    "scrap": ("scrap", True),
    "boundary": ("boundary", True),
    "full": ("full", True),
    "scrap-load": ("scrap", False),
    "boundary-load": ("boundary", False),
    "full-load": ("full", False),
}
COMMANDS = ("GetTotalAllocations", "GetTotalFrees", "GetSavedSyscalls", "GetPatchCount", "IsMemorySystemActive",
            "GetFrontDoorCount")
# What GetPatchCount, IsMemorySystemActive and GetFrontDoorCount answer in each mode.
EXPECTED = {"off": (0, 0, 0), "scrap": (4, 1, 6), "boundary": (17, 1, 0), "full": (17, 1, 21)}
QUICK_FRAMES, QUICK_SCALE = 60, 50
# What is played for the report. It is no measurement: the report's charts have a point a second.
SESSION_SCENARIO, SESSION_FRAMES, QUICK_SESSION_FRAMES = "modded", 3000, 300

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from summary import BASE, door_summaries, freed_summaries, pattern_summaries, scenario_summary, stale_summaries  # noqa: E402
from tables import Table, bytes_text, factor_text, number, time_text  # noqa: E402
from targets import targets  # noqa: E402


class Failed(Exception):
    """A run that must not be reported as a measurement."""


@dataclasses.dataclass
class Options:
    scenarios: list
    repeat: int
    quick: bool
    build: pathlib.Path
    sides: list


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", action="append", help="only this scenario (may be given again); 'patterns' for none")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of all sides; medians are shown (default 3)")
    parser.add_argument("--quick", action="store_true", help="shorter runs: for a look, not for numbers")
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build" / "win32", help="CMake's build folder")
    parser.add_argument("--side", action="append", choices=[side for side in SIDES if side != BASE],
                        help="only this side beside 'off' (may be given again; default: all)")
    arguments = parser.parse_args()
    sides = [side for side in SIDES if side == BASE or side in (arguments.side or SIDES)]
    return Options(arguments.scenario or [], max(1, arguments.repeat), arguments.quick, arguments.build_dir.resolve(), sides)


# --- the game folder -------------------------------------------------------------------------------------------------


def assemble(build):
    """Puts the game, the extender and nothing else into a fresh folder."""
    game_files = [build / "standin" / "bin" / "FalloutNV.exe", build / "bin" / "nvse_steam_loader.dll",
                  build / "bin" / "nvse_1_4.dll"]
    for source in [*game_files, build / "bin" / PLUGIN]:
        if not source.exists():
            raise Failed(f"{source} is missing: build first")
    for folder in (GAME, RESULTS, REPORTS):
        shutil.rmtree(folder, ignore_errors=True)
    (GAME / "Data" / "NVSE" / "Plugins").mkdir(parents=True)
    RESULTS.mkdir(parents=True)
    REPORTS.mkdir(parents=True)
    for source in game_files:
        shutil.copy2(source, GAME)


def set_plugin(options, side):
    target = GAME / "Data" / "NVSE" / "Plugins" / PLUGIN
    if not target.exists():
        shutil.copy2(options.build / "bin" / PLUGIN, target)
    target.with_suffix(".ini").write_text(f"[Main]\nsMode={SIDES[side][0]}\n", encoding="utf-8")


# --- one run of the game -----------------------------------------------------------------------------------------------


def run_game(options, side, name, arguments):
    """One process of the game. Returns its JSON document; Failed when anything about the run was wrong."""
    set_plugin(options, side)
    result = RESULTS / f"{name}-{side}.json"
    command = [str(ROOT / "scripts" / "wine"), "./FalloutNV.exe", *arguments, "--commands", "--json",
               f"../results/{result.name}"]
    environment = dict(os.environ, MP_WINE_TIMEOUT="300")
    if not SIDES[side][1]:
        environment["NVSE_HOST_SKIPPRELOAD"] = "1"
    done = subprocess.run(command, cwd=GAME, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not result.exists():
        raise Failed(f"{name}, {side}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    document = json.loads(result.read_text(encoding="utf-8"))
    check_document(document, side, name)
    return document


def check_document(document, side, name):
    """The run must be what it says it is: an undamaged one, in the side's mode."""
    if "MemoryPoolNVSE" not in document["plugins"]:
        raise Failed(f"{name}, {side}: loaded plugins are {document['plugins']}")
    if document["errors"] != 0:
        raise Failed(f"{name}, {side}: {document['errors']} damaged blocks")
    expected = EXPECTED[SIDES[side][0]]
    found = tuple(answer(document, name) for name in ("GetPatchCount", "IsMemorySystemActive", "GetFrontDoorCount"))
    if found != expected:
        raise Failed(f"{name}, {side}: patch count, active, front doors are {found}, expected {expected}\n{plugin_log()}")


def plugin_log():
    log = GAME / "MemoryPoolNVSE.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else "(no MemoryPoolNVSE.log)"


def answer(document, command):
    return document["commands"][command]["number"]


def alternating_runs(options, name, arguments):
    """`repeat` rounds of all sides, the order changing from round to round. {side: [documents]}"""
    documents = {side: [] for side in options.sides}
    for turn in range(options.repeat):
        for side in options.sides if turn % 2 == 0 else reversed(options.sides):
            documents[side].append(run_game(options, side, f"{name}-{turn + 1}", arguments))
    return documents


def record_session(options, side):
    """A longer run whose session file and page are kept. Returns its JSON document."""
    frames = QUICK_SESSION_FRAMES if options.quick else SESSION_FRAMES
    document = run_game(options, side, "session", ["--scenario", SESSION_SCENARIO, "--frames", str(frames)])
    for ending in (".mpsession", ".html"):
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
    documents = {side: run_game(options, side, "stale", ["--stale", *quick]) for side in options.sides}
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


def main():
    options = parse_arguments()
    started = time.monotonic()
    try:
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
    session = pathlib.Path(summary["report"]).with_suffix(".mpsession")
    print(f"compare: scripts/wine {tool} compare build/run/reports/{BASE}.mpsession {session}")
    print(f"report: {summary['report']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
