"""The stand-in in a game's folder of its own: putting it together, and one run of it in one of the plugin's modes."""

import json
import os
import pathlib
import shutil
import subprocess

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
# What GetPatchCount, IsMemorySystemActive and GetFrontDoorCount answer in each mode.
EXPECTED = {"off": (0, 0, 0), "scrap": (4, 1, 6), "boundary": (17, 1, 0), "full": (17, 1, 21)}


class Failed(Exception):
    """A run that must not be reported as a measurement."""


# --- the game folder -------------------------------------------------------------------------------------------------


def assemble(build):
    """Puts the game, the extender and nothing else into a fresh folder."""
    game_files = [build / "standin" / "bin" / "FalloutNV.exe", build / "bin" / "nvse_steam_loader.dll",
                  build / "bin" / "nvse_1_4.dll"]
    for source in [*game_files, build / "bin" / PLUGIN]:
        if not source.exists():
            raise Failed(f"{source} is missing: build first")
    shutil.rmtree(GAME, ignore_errors=True)
    (GAME / "Data" / "NVSE" / "Plugins").mkdir(parents=True)
    for folder in (RESULTS, REPORTS):
        folder.mkdir(parents=True, exist_ok=True)
    for source in game_files:
        shutil.copy2(source, GAME)


def set_plugin(build, side):
    target = GAME / "Data" / "NVSE" / "Plugins" / PLUGIN
    if not target.exists():
        shutil.copy2(build / "bin" / PLUGIN, target)
    target.with_suffix(".ini").write_text(f"[Main]\nsMode={SIDES[side][0]}\n", encoding="utf-8")


# --- one run of the game -----------------------------------------------------------------------------------------------


def run_game(build, side, name, arguments, seconds=300):
    """One process of the game, for at most so long. Returns its JSON document; Failed when anything about the run was wrong."""
    set_plugin(build, side)
    result = RESULTS / f"{name}-{side}.json"
    result.unlink(missing_ok=True)
    command = [str(ROOT / "scripts" / "wine"), "./FalloutNV.exe", *arguments, "--commands", "--json",
               f"../results/{result.name}"]
    environment = dict(os.environ, MP_WINE_TIMEOUT=str(max(1, int(seconds))))
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
