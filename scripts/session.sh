# shellcheck shell=bash
# Sourced by run and test: ends the Wine session at exit, if it did not exist before and nothing else runs in it.

if ! (
    . scripts/common.sh
    . scripts/wine-env.sh
    holder_alive
); then
    trap 'scripts/wine-stop --if-idle || true' EXIT
fi
