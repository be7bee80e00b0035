#!/usr/bin/env python3
"""Plays the scenarios of the stand-in with the plugin off, in scrap, boundary and full mode, activated in Preload and in
Load, alternating in one run, and shows what changed.

An overview and ten lines go to the terminal, every table to build/run/report.txt (with --verbose to the terminal, too), and
the figures to build/run/summary.json (keys: docs/results.md). Exit code 0 when every run was sound, the plugin replaced
everything and said so; 1 otherwise. With --limits: looks for the smallest address space that is survived, into
build/run/limits.json.
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import shutil
import subprocess
import sys
import time

QUICK_FRAMES, QUICK_SCALE = 60, 50
# What is recorded for the page of charts: every scenario in turns. It is no measurement.
SESSION_SECONDS, QUICK_SESSION_SECONDS = 120, 20
# What a run took on two cores that emulate 32-bit programs (2026-11-29): for an estimate where nothing better is known.
SECONDS_A_RUN = 9

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import limits  # noqa: E402
from game import GAME, REPORTS, RESULTS, ROOT, RUN, SIDES, Failed, answer, assemble, plugin_log, run_game  # noqa: E402
from report import full_report, overview_table, shown_side, ten_lines  # noqa: E402
from summary import BASE, door_summaries, freed_summaries, pattern_summaries, scenario_summary, stale_summaries  # noqa: E402
from targets import targets  # noqa: E402


@dataclasses.dataclass
class Options:
    scenarios: list
    repeat: int
    quick: bool
    verbose: bool
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
    parser.add_argument("--verbose", action="store_true", help="every table on the terminal, as in build/run/report.txt")
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
    return Options(arguments.scenario or [], max(1, arguments.repeat), arguments.quick, arguments.verbose,
                   arguments.build_dir.resolve(),
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
    """A session of every scenario whose file and page are kept. Returns its JSON document."""
    seconds = QUICK_SESSION_SECONDS if options.quick else SESSION_SECONDS
    document = run_game(options.build, side, "session", ["--session", str(seconds)], seconds=15 * 60)
    for ending in (".csv", ".html"):
        recorded = GAME / f"MemoryPoolNVSE{ending}"
        if not recorded.exists():
            raise Failed(f"{side}: the plugin left no {recorded.name}\n{plugin_log()}")
        shutil.move(recorded, REPORTS / f"{side}{ending}")
    return document


def compare_sessions(options, side):
    """The page that sets both recorded sessions side by side."""
    done = subprocess.run([str(ROOT / "scripts" / "wine"), str(options.build / "bin" / "mpnvse.exe"), "compare", f"{BASE}.csv",
                           f"{side}.csv", "-o", "compare.html"], cwd=REPORTS, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"mpnvse compare: exit code {done.returncode}\n{done.stdout}{done.stderr}")


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


# --- the whole -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Steps:
    """Says which step of how many begins, and what is left: by what the runs so far have taken, as soon as there are any."""

    count: int
    runs: int
    started: float
    seconds_a_run: float
    sessions_seconds: float
    begun: float = dataclasses.field(default_factory=time.monotonic)  # when Wine ran already
    step: int = 0
    done: int = 0

    def begin(self, text, runs):
        self.step += 1
        elapsed = time.monotonic() - self.begun
        rate = elapsed / self.done if self.done else self.seconds_a_run
        left = f" (about {minutes((self.runs - self.done) * rate + self.sessions_seconds)} left)" if rate else ""
        progress(f"step {self.step} of {self.count}: {text}{left}", self.started)
        self.done += runs


def minutes(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def last_rate(options):
    """Seconds that a run of the last ./run took here, None when there was none of this length."""
    try:
        last = json.loads((RUN / "summary.json").read_text(encoding="utf-8"))
        return last["seconds"] / last["runs"] if last["quick"] == options.quick else None
    except (OSError, ValueError, KeyError):
        return None


def plan(options, names, rate, started):
    """What is to be done, said before it begins."""
    rounds = len(options.sides) * options.repeat
    runs = rounds * (1 + len(names)) + len(options.sides)
    sessions = 2 * (QUICK_SESSION_SECONDS if options.quick else SESSION_SECONDS)
    known = "as in the last ./run here"
    if rate is None and not options.quick:
        rate, known = SECONDS_A_RUN, "as on two cores with an emulator for 32-bit programs; a processor needs less"
    estimate = f"estimate: {minutes(runs * rate + sessions)}, {known}" if rate else "the time is not known yet"
    print(f"{len(names) + 3} steps with {runs} runs and two sessions; {estimate}")
    return Steps(len(names) + 3, runs, started, rate, sessions)


def play_all(options, rate, started):
    """Everything measured, as the summary's document."""
    quick = ["--scale", str(QUICK_SCALE)] if options.quick else []
    names = scenarios_to_play(options)
    steps = plan(options, names, rate, started)
    runs = len(options.sides) * options.repeat
    steps.begin(f"patterns and front doors, {runs} runs", runs)
    documents = alternating_runs(options, "patterns", ["--patterns", *quick])
    patterns, doors = pattern_summaries(documents), door_summaries(documents)
    steps.begin(f"stale reads, {len(options.sides)} runs", len(options.sides))
    documents = {side: run_game(options.build, side, "stale", ["--stale", *quick]) for side in options.sides}
    stale, freed = stale_summaries(documents), freed_summaries(documents)
    scenarios = []
    for name in names:
        steps.begin(f"{name}, {runs} runs", runs)
        frames = ["--frames", str(QUICK_FRAMES)] if options.quick else []
        documents = alternating_runs(options, name, ["--scenario", name, *quick, *frames])
        scenarios.append(scenario_summary(documents))
    summary = {"repeat": options.repeat, "quick": options.quick, "sides": options.sides, "runs": steps.runs + 2,
               "patterns": patterns, "doors": doors, "stale": stale, "freed": freed, "scenarios": scenarios,
               "targets": targets(patterns, doors, stale, freed, scenarios, options.sides)}
    reported = shown_side(summary)
    steps.begin(f"sessions for the page of charts: {BASE}, {reported}", 0)
    record_session(options, BASE)
    last = record_session(options, reported)
    compare_sessions(options, reported)
    return summary | {"console": last["commands"], "report": f"build/run/reports/{reported}.html",
                      "patch_count": int(answer(last, "GetPatchCount")), "active": int(answer(last, "IsMemorySystemActive"))}


def show(summary, verbose):
    """The whole report into its file; on the terminal an overview and ten lines, or all of it."""
    report = full_report(summary)
    (RUN / "report.txt").write_text("\n".join(report) + "\n", encoding="utf-8")
    print("every table: build/run/report.txt; every figure: build/run/summary.json")
    print(f"sessions of {BASE} and {shown_side(summary)} side by side: build/run/reports/compare.html")
    if summary["quick"]:
        print("These runs were shortened: they are for a look, not for numbers.")
    print()
    print("\n".join(report if verbose else [*overview_table(summary), *ten_lines(summary)]))


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
        rate = last_rate(options)
        for folder in (RESULTS, REPORTS):
            shutil.rmtree(folder, ignore_errors=True)
        assemble(options.build)
        summary = play_all(options, rate, started)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    summary["seconds"] = round(time.monotonic() - started, 1)
    (RUN / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    show(summary, options.verbose)
    return 0


if __name__ == "__main__":
    sys.exit(main())
