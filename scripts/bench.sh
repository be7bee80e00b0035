#!/usr/bin/env bash
# scripts/bench.sh [ARGUMENT...]: builds the benchmark for Linux and, where 32-bit programs run, for Windows, and runs it;
# called by ./run bench.
# Arguments go to bench/bench.py (--help lists them).
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

step() { printf '[bench] %s\n' "$*"; }

# shellcheck source=scripts/session.sh
. scripts/session.sh

# build PRESET: quiet unless it fails.
build() {
    local log="build/bench/$1.build.log"
    step "building $1"
    { cmake --preset "$1" && cmake --build --preset "$1" --target bench_sides; } >"$log" 2>&1 && return 0
    tail -n 40 "$log" >&2
    step "the build failed; whole log: $log"
    return 1
}

case " $* " in *" --help "* | *" -h "*) exec /usr/bin/python3 bench/bench.py --help ;; esac
scripts/setup.sh bench
mkdir -p build/bench
# shellcheck source=scripts/common.sh
if (. scripts/common.sh && emulates_32bit); then
    step "32-bit programs are emulated on this machine: 64-bit ones are measured, and no Windows programs"
    build bench64
    set -- --build-dir build/bench64 "$@"
else
    build bench32
    build win32
fi
# Debian's own interpreter: it finds the packages that setup.sh installs.
/usr/bin/python3 bench/bench.py "$@"
