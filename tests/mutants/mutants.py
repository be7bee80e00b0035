#!/usr/bin/env python3
"""mutants.py [--today N] [--preset NAME] [--list] [PART_OF_A_NAME...]: can the tests fail?

Each entry of mutants.toml is a defect: a file, a text in it, another text, and the tests that claim the property which it
breaks. They are put one at a time into a copy of the sources (build/mutants), what they affect is built, and those tests
are run: one of them must fail. First all of them run on the copy as it is, and must pass.

--today N: N of them, another N each day. --list: only looks whether the list fits the sources. The last line is
"mutants: N caught, N not"; exit code 1 unless every one was caught."""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).with_name("mutants.toml")
COPY = ROOT / "build" / "mutants"
KEYS = {"name", "file", "old", "new", "preset", "tests"}
# What is built for tests that are no program of their own.
TARGETS = {
    "system": ["FalloutNV", "MemoryPoolNVSE", "nvse_1_4", "nvse_steam_loader", "neighbour", "culprit", "typical_plugin", "probe_plugin", "mpnvse"],
    "mpnvse": ["mpnvse", "FalloutNV"],
}
SECONDS = 240  # a mutant's test that takes longer hangs; where 32-bit programs are emulated ten times as long


class Fault(Exception):
    """The list or the unchanged sources are not as they must be."""


def read_list():
    mutants = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    for mutant in mutants:
        if set(mutant) != KEYS:
            raise Fault(f"{mutant.get('name', mutant)}: has {sorted(mutant)}, wants {sorted(KEYS)}")
        count = (ROOT / mutant["file"]).read_text(encoding="utf-8").count(mutant["old"])
        if count != 1:
            raise Fault(f"{mutant['name']}: its text stands {count} times in {mutant['file']}, not once")
        if mutant["old"] == mutant["new"]:
            raise Fault(f"{mutant['name']}: changes nothing")
    names = [mutant["name"] for mutant in mutants]
    if len(names) != len(set(names)):
        raise Fault("two mutants have one name")
    return mutants


def of_today(mutants, number):
    """Spread over the list, so that each day has some of every part; all have had their turn after len / number days."""
    turns = -(-len(mutants) // number)
    turn = datetime.datetime.now(datetime.timezone.utc).toordinal() % turns
    return mutants[turn::turns]


def copy_sources():
    """The files of the checkout as they are, committed or not. What is the same already keeps its date."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    # At the same place as in the checkout, so that the compiler's cache knows what is the same.
    if not (COPY / ".cache").exists() and "MP_CACHE_DIR" not in os.environ:
        (COPY / ".cache").symlink_to(ROOT / ".cache", target_is_directory=True)
    for old in COPY.rglob("*"):
        name = old.relative_to(COPY).as_posix()
        if old.is_file() and not name.startswith("build/") and name not in names:
            old.unlink()
    for name in names:
        source, target = ROOT / name, COPY / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)


class Copy:
    """The copy's build of one preset."""

    def __init__(self, preset):
        self.preset = preset
        self.folder = COPY / "build" / preset
        self.environment = dict(os.environ, CCACHE_BASEDIR=str(COPY))
        self.environment.setdefault("MP_WINE_PREFIX", str(ROOT / "build" / "wine-prefix"))

    def run(self, *command):
        return subprocess.run(command, cwd=COPY, env=self.environment, capture_output=True, text=True, check=False)

    def configure(self):
        done = self.run("cmake", "--preset", self.preset)
        if done.returncode != 0:
            raise Fault(f"{self.preset}: cmake failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def build(self, tests):
        """The end of the output when it fails, else None."""
        targets = sorted({target for test in tests
                          for target in TARGETS.get(test.split(".")[0], [test.split(".")[0]])})
        done = self.run("cmake", "--build", f"build/{self.preset}", "--target", *targets)
        return None if done.returncode == 0 else (done.stdout + done.stderr)[-3000:]

    def test(self, tests):
        """(the tests that ran, those of them that failed)."""
        seconds = SECONDS * (10 if "MP_EMULATED" in os.environ else 1)
        pattern = "^(" + "|".join(re.escape(test) for test in tests) + ")$"
        done = self.run("ctest", "--test-dir", str(self.folder), "-R", pattern, "-j", str(os.cpu_count()),
                        "--timeout", str(seconds), "--no-tests=error")
        results = dict(re.findall(r"Test +#\d+: (\S+) \.*[ *]*(Passed|Failed|Not Run|[A-Za-z ]*Exception[^ ]*|Timeout)",
                                  done.stdout))
        return set(results), {name for name, result in results.items() if result != "Passed"}


def check_unchanged(copy, mutants):
    tests = sorted({test for mutant in mutants for test in mutant["tests"]})
    copy.configure()
    trouble = copy.build(tests)
    if trouble is not None:
        raise Fault(f"{copy.preset}: the unchanged sources do not build\n{trouble}")
    ran, failed = copy.test(tests)
    if failed or ran != set(tests):
        raise Fault(f"{copy.preset}: on the unchanged sources fail {sorted(failed)}, are missing {sorted(set(tests) - ran)}")


def put_in(mutant):
    """Returns what puts the file back as it was."""
    path = COPY / mutant["file"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    return lambda: path.write_text(text, encoding="utf-8")


def judge(copy, mutant):
    """What became of it; it is caught when that begins with "caught"."""
    put_back = put_in(mutant)
    try:
        trouble = copy.build(mutant["tests"])
        if trouble is not None:
            return "does not build\n" + trouble
        failed = copy.test(mutant["tests"])[1]
        return "caught by " + ", ".join(sorted(failed)) if failed else "NOT CAUGHT by " + ", ".join(mutant["tests"])
    finally:
        put_back()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--today", type=int, default=0, metavar="N")
    parser.add_argument("--preset")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="PART_OF_A_NAME")
    arguments = parser.parse_args()
    mutants = read_list()
    if arguments.list:
        print(f"{len(mutants)} mutants fit the sources")
        return 0
    if arguments.today:
        mutants = of_today(mutants, arguments.today)
    mutants = [mutant for mutant in mutants
               if arguments.preset in (None, mutant["preset"])
               and (not arguments.names or any(part in mutant["name"] for part in arguments.names))]
    COPY.mkdir(parents=True, exist_ok=True)
    copy_sources()
    caught = 0
    for preset in sorted({mutant["preset"] for mutant in mutants}):
        copy = Copy(preset)
        chosen = [mutant for mutant in mutants if mutant["preset"] == preset]
        print(f"{preset}: {len(chosen)} mutants; first the unchanged sources", flush=True)
        check_unchanged(copy, chosen)
        for mutant in chosen:
            begin = time.monotonic()
            verdict = judge(copy, mutant)
            caught += verdict.startswith("caught")
            print(f"{mutant['name']} ({mutant['file']}, {time.monotonic() - begin:.0f} s): {verdict}", flush=True)
    print(f"mutants: {caught} caught, {len(mutants) - caught} not")
    return 0 if caught == len(mutants) != 0 else 1


try:
    sys.exit(main())
except Fault as fault:
    print(fault)
    print("mutants: 0 caught, 1 not")
    sys.exit(1)
