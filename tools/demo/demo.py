#!/usr/bin/env python3
"""Plays the scenarios of the stand-in without and with the plugin, alternating in one run, and shows what changed.

Results go to the terminal as tables and to build/run/summary.json (keys: docs/summary.md). Exit code 0 when every run
was sound, the plugin replaced everything and said so; 1 otherwise.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "build" / "run"
GAME = RUN / "game"
RESULTS = RUN / "results"
PLUGIN = "MemoryPoolNVSE.dll"
WITHOUT, WITH = "without", "with"
COMMANDS = ("GetTotalAllocations", "GetTotalFrees", "GetSavedSyscalls", "GetPatchCount", "IsMemorySystemActive")
EXPECTED_PATCHES = 17
QUICK_FRAMES, QUICK_SCALE = 60, 50

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from summary import pattern_summaries, scenario_summary, targets  # noqa: E402
from tables import Table, bytes_text, factor_text, number, time_text  # noqa: E402


class Failed(Exception):
    """A run that must not be reported as a measurement."""


@dataclasses.dataclass
class Options:
    scenarios: list
    repeat: int
    quick: bool
    build: pathlib.Path
    mode: str


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", action="append", help="only this scenario (may be given again); 'patterns' for none")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; medians are shown (default 3)")
    parser.add_argument("--quick", action="store_true", help="shorter runs: for a look, not for numbers")
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build" / "win32", help="CMake's build folder")
    parser.add_argument("--mode", choices=("boundary", "full"), help="the plugin's mode (default: its own)")
    arguments = parser.parse_args()
    return Options(arguments.scenario or [], max(1, arguments.repeat), arguments.quick, arguments.build_dir.resolve(),
                   arguments.mode or "")


# --- the game folder -------------------------------------------------------------------------------------------------


def assemble(build):
    """Puts the game, the extender and nothing else into a fresh folder."""
    game_files = [build / "standin" / "bin" / "FalloutNV.exe", build / "bin" / "nvse_steam_loader.dll",
                  build / "bin" / "nvse_1_4.dll"]
    for source in [*game_files, build / "bin" / PLUGIN]:
        if not source.exists():
            raise Failed(f"{source} is missing: build first")
    for folder in (GAME, RESULTS):
        shutil.rmtree(folder, ignore_errors=True)
    (GAME / "Data" / "NVSE" / "Plugins").mkdir(parents=True)
    RESULTS.mkdir(parents=True)
    for source in game_files:
        shutil.copy2(source, GAME)


def set_plugin(options, variant):
    target = GAME / "Data" / "NVSE" / "Plugins" / PLUGIN
    target.unlink(missing_ok=True)
    if variant == WITH:
        shutil.copy2(options.build / "bin" / PLUGIN, target)
        if options.mode:
            target.with_suffix(".ini").write_text(f"[Main]\nsMode={options.mode}\n", encoding="utf-8")


# --- one run of the game -----------------------------------------------------------------------------------------------


def run_game(options, variant, name, arguments):
    """One process of the game. Returns its JSON document; Failed when anything about the run was wrong."""
    set_plugin(options, variant)
    result = RESULTS / f"{name}-{variant}.json"
    command = [str(ROOT / "scripts" / "wine"), "./FalloutNV.exe", *arguments, "--json", f"../results/{result.name}"]
    environment = dict(os.environ, MP_WINE_TIMEOUT="180")
    done = subprocess.run(command, cwd=GAME, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not result.exists():
        raise Failed(f"{name} {variant} the plugin: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    document = json.loads(result.read_text(encoding="utf-8"))
    check_document(document, variant, name)
    return document


def check_document(document, variant, name):
    loaded = "MemoryPoolNVSE" in document["plugins"]
    if loaded != (variant == WITH):
        raise Failed(f"{name} {variant} the plugin: loaded plugins are {document['plugins']}")
    if document["errors"] != 0:
        raise Failed(f"{name} {variant} the plugin: {document['errors']} damaged blocks")
    if variant == WITH:
        count, active = answer(document, "GetPatchCount"), answer(document, "IsMemorySystemActive")
        if count != EXPECTED_PATCHES or active != 1:
            raise Failed(f"{name}: the plugin answers patch count {count}, active {active}\n{plugin_log()}")


def plugin_log():
    log = GAME / "MemoryPoolNVSE.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else "(no MemoryPoolNVSE.log)"


def plugin_mode():
    """The mode that the plugin says it runs in, from the log of the last run with it."""
    found = re.search(r"sMode = (\w+)", plugin_log())
    if not found:
        raise Failed(f"the plugin's log does not name its mode\n{plugin_log()}")
    return found.group(1)


def answer(document, command):
    return document["commands"][command]["number"]


def paired_runs(options, name, arguments):
    """`repeat` pairs of runs, the order changing from pair to pair. {variant: [documents]}"""
    documents = {WITHOUT: [], WITH: []}
    for turn in range(options.repeat):
        for variant in ((WITHOUT, WITH) if turn % 2 == 0 else (WITH, WITHOUT)):
            extra = ["--commands"] if variant == WITH else []
            documents[variant].append(run_game(options, variant, f"{name}-{turn + 1}", arguments + extra))
    return documents


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


def print_patterns(patterns):
    table = Table("Patterns: medians; a call's time includes the loop that its callers make around it",
                  ["pattern", "functions", "calls", "without", "with", "faster", "kernel calls without", "with"])
    for pattern in patterns:
        threads = f" ({pattern['threads']} threads)" if pattern["threads"] > 1 else ""
        table.add([f"{pattern['pattern']} {pattern['title']}{threads}",
                   " ".join(f["address"].removeprefix("0x00") for f in pattern["functions"]),
                   number(pattern[WITHOUT]["calls"]), time_text(pattern[WITHOUT]["ns_per_call"]),
                   time_text(pattern[WITH]["ns_per_call"]), factor_text(pattern["speedup"]),
                   number(pattern[WITHOUT]["kernel_calls"]), number(pattern[WITH]["kernel_calls"])])
    table.print()


def pair(scenario, key, text):
    return [text(scenario[WITHOUT][key]), text(scenario[WITH][key])]


def print_scenarios(scenarios):
    columns = ["scenario", "operations", "mean", "with", "99th %", "with", "worst", "with", "kernel calls/frame", "with"]
    frames = Table("Frames: memory time of the main thread; kernel calls in the steady last third, all threads", columns)
    loads = Table("Loads: total memory time; kernel calls of the whole load, all threads",
                  ["load", "operations", "total", "with", "worst step", "with", "kernel calls", "with"])
    for scenario in scenarios:
        head = [scenario["title"], number(scenario["operations"])]
        if scenario["kind"] == "frames":
            frames.add(head + pair(scenario, "mean_ns", time_text) + pair(scenario, "p99_ns", time_text)
                       + pair(scenario, "worst_ns", time_text) + pair(scenario, "kernel_calls_per_step", number))
        else:
            loads.add(head + pair(scenario, "total_ns", time_text) + pair(scenario, "worst_ns", time_text)
                      + pair(scenario, "kernel_calls", number))
    frames.print()
    loads.print()


def print_memory(scenarios):
    table = Table("Memory above the process's start", ["scenario", "peak committed", "with", "peak reserved", "with",
                                                       "largest hole", "with", "committed/live", "with"])
    for scenario in scenarios:
        table.add([scenario["title"]] + pair(scenario, "peak_committed", bytes_text) + pair(scenario, "peak_reserved", bytes_text)
                  + pair(scenario, "largest_hole", bytes_text) + pair(scenario, "committed_per_live", lambda v: f"{v:.2f}"))
    table.print()


def print_targets(checked):
    table = Table("Targets", ["target", "wanted", "measured", "met"])
    for target in checked:
        table.add([target["target"], target["wanted"], target["measured"], "yes" if target["met"] else "NO"])
    table.print()


def print_console(answers):
    print("Console of the game, last run with the plugin:")
    for command in COMMANDS:
        for line in answers[command]["console"]:
            print(f"  > {line}")
    print()


# --- the whole -----------------------------------------------------------------------------------------------------------


def play_all(options, started):
    """Everything measured, as the summary's document."""
    quick = ["--scale", str(QUICK_SCALE)] if options.quick else []
    names = scenarios_to_play(options)
    progress(f"patterns: {2 * options.repeat} runs", started)
    documents = paired_runs(options, "patterns", ["--patterns", *quick])
    patterns = pattern_summaries(documents[WITHOUT], documents[WITH])
    last = documents[WITH][-1]
    scenarios = []
    for name in names:
        progress(f"{name}: {2 * options.repeat} runs", started)
        frames = ["--frames", str(QUICK_FRAMES)] if options.quick else []
        documents = paired_runs(options, name, ["--scenario", name, *quick, *frames])
        scenarios.append(scenario_summary(documents[WITHOUT], documents[WITH]))
        last = documents[WITH][-1]
    return {"repeat": options.repeat, "quick": options.quick, "mode": plugin_mode(), "patterns": patterns,
            "scenarios": scenarios, "targets": targets(patterns, scenarios), "console": last["commands"],
            "patch_count": int(answer(last, "GetPatchCount")), "active": int(answer(last, "IsMemorySystemActive"))}


def show(summary):
    print()
    print_patterns(summary["patterns"])
    print_scenarios(summary["scenarios"])
    print_memory(summary["scenarios"])
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
