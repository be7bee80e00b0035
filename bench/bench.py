#!/usr/bin/env python3
"""Measures our allocator against everything a player could have instead, alternating all of them in one run.

Writes build/bench/results.json, tables.md and SVG charts, and the measured part of docs/performance.md. Exit code 0 when
every program ran and no block lost its contents; whether targets are met is a result, not an error.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import plans  # noqa: E402
import report  # noqa: E402
from figures import ORIGINAL, OURS, Figures, checks  # noqa: E402

#: Seconds for one program; the longest takes about ten on a machine of its own. A peer may spin in a shattered space.
TIMEOUT = 120
TOO_LONG = "took longer than"


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part of everything: for a look, not for numbers")
    parser.add_argument("--seeds", type=int, help="rounds of the sessions (default 5)")
    parser.add_argument("--part", action="append", choices=list(plans.PARTS), help="only this part (may be given again)")
    parser.add_argument("--side", action="append", help="only this side (may be given again)")
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build" / "bench32", help="programs for Linux")
    parser.add_argument("--windows-dir", type=pathlib.Path, default=ROOT / "build" / "win32", help="programs for Windows")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder for the results")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/performance.md as it is")
    return parser.parse_args(arguments)


# --- one job ---------------------------------------------------------------------------------------------------------


def program(job, options):
    if job.tool == "wine":
        # The stand-in of the engine loads what lies beside it: it has a folder of its own.
        folder = "bench" if job.side == ORIGINAL else "bin"
        return options.windows_dir / folder / f"bench_{job.side}.exe"
    return options.build_dir / "bin" / f"bench_{job.side}"


def command(job, options, live_peaks):
    words = [str(program(job, options)), *job.arguments]
    if job.factor:
        size = str(int(job.factor * live_peaks[(job.case["workload"], job.case["threads"], job.case["seed"])]))
        if job.kind == "shattered":
            words += ["--hole", str(plans.LARGEST_HOLE), "--holes", size]
        else:
            words += ["--limit", size]
    if job.tool == "wine":
        return [str(ROOT / "scripts" / "wine"), *words]
    if job.tool == "callgrind":
        return ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words]
    return words


def clean_environment():
    """Nothing that changes how an allocator behaves."""
    unwanted = re.compile(r"^(MALLOC_|MIMALLOC_|JE_MALLOC|GLIBC_TUNABLES|LD_PRELOAD)")
    return {key: value for key, value in os.environ.items() if not unwanted.match(key)}


def micro_lines(document, clock="cpu_time"):
    """One line a benchmark; a batch counts by its blocks."""
    for entry in document["benchmarks"]:
        if entry.get("error_occurred") or entry.get("run_type") != "iteration":
            continue
        each = entry.get("per_iteration", 1)
        yield {"name": entry["name"], "ns": entry[clock] / each}


def measurements(job, output, errors):
    base = {"kind": job.kind, "side": job.side, **job.case}
    if job.kind in ("micro", "windows_micro"):
        # CPU time advances in long steps on Windows.
        clock = "cpu_time" if job.kind == "micro" else "real_time"
        return [{**base, **line} for line in micro_lines(json.loads(output), clock)]
    line = json.loads(output)
    if job.tool == "callgrind":
        found = re.search(r"Collected : (\d+)", errors)
        line["instructions"] = int(found[1]) if found else None
    return [{**base, **line}]


def run_job(job, options, live_peaks):
    """Measurements of one process, or one that says what went wrong."""
    failed = {"kind": job.kind, "side": job.side, **job.case}
    try:
        done = subprocess.run(command(job, options, live_peaks), capture_output=True, text=True, timeout=TIMEOUT,
                              env=clean_environment(), check=False)
    except subprocess.TimeoutExpired:
        return [{**failed, "error": f"{TOO_LONG} {TIMEOUT} s"}]
    if done.returncode != 0:
        return [{**failed, "error": f"exit code {done.returncode}: {done.stderr.strip()[-200:]}"}]
    try:
        return measurements(job, done.stdout, done.stderr)
    except (ValueError, KeyError) as error:
        return [{**failed, "error": f"output not understood: {error}"}]


# --- all jobs --------------------------------------------------------------------------------------------------------


class Progress:
    """One line that changes on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, total):
        self.total, self.done, self.start, self.shown = total, 0, time.monotonic(), 0.0

    def step(self, text):
        self.done += 1
        now = time.monotonic()
        spent = now - self.start
        left = spent / self.done * (self.total - self.done)
        line = f"[bench] {self.done}/{self.total}, about {left / 60:.0f} min left: {text}"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{line[:110]}")
        elif now - self.shown >= 10:
            sys.stderr.write(line + "\n")
        else:
            return
        self.shown = now
        sys.stderr.flush()

    def end(self):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def bits(options):
    """Of the programs for Linux: 64 where a machine can only emulate those of 32."""
    try:
        with (options.build_dir / "bin" / f"bench_{OURS}").open("rb") as file:
            return 64 if file.read(5)[4] == 2 else 32
    except (OSError, IndexError):
        return 32


#: What 64-bit programs say nothing about: holes in 4 GB of address space, and programs that would be emulated.
FOR_32_BITS = ("shattered", "windows", "windows_micro")


def runnable(jobs, options):
    """Leaves out what has not been built or is not installed, and says so once each."""
    missing, kept = set(), []
    has_64 = bits(options) == 64
    has_valgrind = any((pathlib.Path(folder) / "valgrind").exists() for folder in os.get_exec_path())
    for job in jobs:
        if options.side and job.side not in options.side:
            continue
        if has_64 and job.kind in FOR_32_BITS:
            missing.add(f"{job.kind}: for 32 bits alone")
        elif job.tool == "callgrind" and not has_valgrind:
            missing.add("valgrind (instruction counts)")
        elif not program(job, options).exists():
            missing.add(str(program(job, options)))
        else:
            kept.append(job)
    for name in sorted(missing):
        print(f"[bench] left out, not there: {name}", file=sys.stderr)
    return kept


def note_live_peak(found, live_peaks):
    for m in found:
        if m["kind"] == "session" and "peak_live" in m:
            key = (m["workload"], m["threads"], m["seed"])
            live_peaks[key] = max(live_peaks.get(key, 0), m["peak_live"])


def run_with_peak(job, options, live_peaks):
    """A job with a limit needs its session's live peak: found before, or now, without the limit."""
    key = tuple(job.case.get(name) for name in ("workload", "threads", "seed"))
    if job.factor and key not in live_peaks:
        without = dataclasses.replace(job, kind="session", factor=0.0)
        note_live_peak(run_job(without, options, live_peaks), live_peaks)
        if key not in live_peaks:
            return [{"kind": job.kind, "side": job.side, **job.case, "error": "the live peak could not be found"}]
    found = run_job(job, options, live_peaks)
    note_live_peak(found, live_peaks)
    return found


def run_all(jobs, options):
    """All measurements, and whether they are complete: after an interruption, those so far."""
    live_peaks, found, endless = {}, [], set()
    progress = Progress(len(jobs))
    try:
        for job in jobs:
            if (job.kind, job.side) not in endless:
                fresh = run_with_peak(job, options, live_peaks)
                found += fresh
                # Once is enough to know: later rounds do without it.
                if any(TOO_LONG in m.get("error", "") for m in fresh):
                    endless.add((job.kind, job.side))
            progress.step(job.describe())
    except KeyboardInterrupt:
        print("\n[bench] interrupted: reporting what was measured so far", file=sys.stderr)
        return found, False
    progress.end()
    return found, True


# --- the run ---------------------------------------------------------------------------------------------------------


def machine(options):
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"processor": model, "processors": os.cpu_count(), "system": f"{platform.system()} {platform.release()}",
            "bits": bits(options), "load_at_start": os.getloadavg()[0]}


def problems(found):
    """What must not happen, whatever the speed."""
    texts = [f"{m['kind']} {m['side']} {m.get('workload', '')}: {m['error']}" for m in found if "error" in m]
    for m in found:
        if m.get("corrupt"):
            texts.append(f"{m['side']} {m.get('workload', '')}: {m['corrupt']} blocks lost their contents")
        if m.get("leaked"):
            texts.append(f"{m['side']} {m.get('workload', '')}: {m['leaked']} bytes unaccounted for")
    return texts


def main():
    options = parse_arguments()
    extent = plans.QUICK if options.quick else plans.FULL
    if options.seeds:
        extent = dataclasses.replace(extent, seeds=options.seeds, few_seeds=min(options.seeds, extent.few_seeds))
    jobs = runnable(plans.jobs(extent, options.part or list(plans.PARTS)), options)
    if not jobs:
        print("[bench] nothing to measure: build the target bench_sides first", file=sys.stderr)
        return 2
    started = time.monotonic()
    head = {"date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"), "quick": options.quick,
            "seeds": extent.seeds, "machine": machine(options)}
    found, is_complete = run_all(jobs, options)
    head["minutes"] = round((time.monotonic() - started) / 60, 1)
    figures = Figures(found)
    results = {**head, "checks": [check.as_json() for check in checks(figures)], "problems": problems(found),
               "measurements": found}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = report.tables(figures, results)
    (options.out / "tables.md").write_text(text, encoding="utf-8")
    charts = report.draw(figures, options.out)
    is_whole = is_complete and not (options.quick or options.part or options.side or options.no_docs)
    if is_whole:
        report.update_document(ROOT / "docs" / "performance.md", text)
    if options.quick:
        print("[bench] a quick look: everything ran, but none of this is a measurement")
    print(report.summary(results))
    for problem in results["problems"]:
        print(f"[bench] problem: {problem}", file=sys.stderr)
    print(f"[bench] {options.out}: results.json, tables.md, {charts} charts; {head['minutes']} min")
    # A peer that fails is a result; our own allocator must not.
    ours = [text for text in results["problems"] if f" {OURS} " in f" {text}"]
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main())
