#!/usr/bin/env python3
"""What each number of the allocator's policy is worth: plays one session with other values of it, one at a time.

Counts only, of one thread's session (bench/policy_session.cpp): kernel calls, and memory as a multiple of what lives. They
are the same in every run. Needs ./run or ./test once before, for rpmalloc's sources. Prints a table for docs/giving-back.md.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
OTHERS = {
    "kReservation": ("megabytes(4)", "megabytes(64)"),
    "kStep": ("megabytes(1) / 4", "megabytes(4)"),
    "kLeastKept": ("megabytes(0)", "megabytes(120)"),
    "kMostKept": ("megabytes(48)", "megabytes(320)"),
    "kLongestKeptPages": ("1", "128"),
    "kLongestKept": ("1", "megabytes(4)"),
}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def figures(folder, source):
    """Of the session with this text as policy.h."""
    (folder / "src" / "alloc" / "policy.h").write_text(source, encoding="utf-8")
    build = folder / "build"
    rpmalloc = ROOT / ".cache" / "deps" / "rpmalloc"
    run("cmake", "-S", folder / "src" / "alloc", "-B", build, "-G", "Ninja", f"-DMP_RPMALLOC_DIR={rpmalloc}")
    run("cmake", "--build", build)
    libraries = [next(build.rglob(f"lib{library}.a")) for library in ("mp_alloc", "mp_os")]
    run("c++", "-std=c++23", "-O2", f"-I{folder / 'src'}", ROOT / "bench" / "policy_session.cpp", *libraries, "-o",
        build / "session")
    return subprocess.run(["setarch", "--addr-no-randomize", build / "session"], check=True, capture_output=True, text=True).stdout.split()


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for tree in ("src", "cmake"):
            shutil.copytree(ROOT / tree, folder / tree)
        source = (ROOT / "src" / "alloc" / "policy.h").read_text(encoding="utf-8")
        print("| value | kernel calls | committed / live | reserved / live | half freed: committed / live |")
        print("|---|---|---|---|---|")
        print("| as it is |", " | ".join(figures(folder, source)), "|", flush=True)
        for knob, values in OTHERS.items():
            for value in values:
                changed, count = re.subn(rf"\b({knob} = )[^;]+;", rf"\g<1>{value};", source)
                if count != 1:
                    raise SystemExit(f"policy.py: policy.h has {knob} {count} times, once is expected")
                print(f"| {knob} = {value} |", " | ".join(figures(folder, changed)), "|", flush=True)


if __name__ == "__main__":
    main()
