# shellcheck shell=bash
# Sourced by scripts/wine and scripts/wine-stop after common.sh: the environment of the private Wine.
#   MP_WINE_PREFIX   the prefix to use (default: build/wine-prefix of this checkout); several build trees may share one
#   MP_WINE_TIMEOUT  seconds a program may take (default 300)
#   MP_DOCUMENTS     the folder that programs take for this user's Documents, as Windows spells it (default: the prefix's)

export WINEPREFIX="${MP_WINE_PREFIX:-$MP_ROOT/build/wine-prefix}"
export WINEARCH=win32
export LC_ALL=C.UTF-8 # so that every letter can stand in a file's name
export MP_DOCUMENTS="${MP_DOCUMENTS:-C:\\users\\Public\\Documents}"
export WINEDEBUG="${MP_WINE_DEBUG:--all}"
# No .NET, no HTML engine, and no debugger that would hold a crashed program for seconds.
export WINEDLLOVERRIDES='mscoree,mshtml=;winedbg.exe='
export WINEDLLPATH="$MP_WINE_TREE/usr/lib/i386-linux-gnu/wine"
export WINELOADER="$MP_WINE_TREE/usr/lib/wine/wine"
export WINESERVER="$MP_WINE_TREE/usr/lib/wine/wineserver"
unset DISPLAY WAYLAND_DISPLAY
# Wine takes the bytes of paths and arguments for letters as the locale says, and has none for what is not ASCII otherwise.
case "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" in
    *[Uu][Tt][Ff]-8 | *[Uu][Tt][Ff]8) ;;
    *) export LC_ALL=C.UTF-8 ;;
esac

# Beside the prefix, not in it: the lock must exist before Wine creates the folder.
MP_WINE_LOCK="$WINEPREFIX.lock"   # exclusive while the session is started
MP_WINE_USERS="$WINEPREFIX.users" # shared while a program runs
MP_WINE_PID="$WINEPREFIX.holder"  # process id of the holder
export MP_WINE_LOCK MP_WINE_USERS MP_WINE_PID

# holder_alive: true while this prefix's holder runs.
holder_alive() {
    local pid
    pid="$(cat "$MP_WINE_PID" 2>/dev/null)" && [ -n "$pid" ] &&
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'wine-holder'
}
