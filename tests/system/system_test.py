#!/usr/bin/env python3
"""The whole system as a player's folder: the stand-in of the game, the extender host, the plugin's DLL.

Each test puts a game folder together, starts the game under Wine and looks at the plugin's log, at the console's answers
and at the exit code. Usage: system_test.py BUILD_FOLDER [unittest arguments].
"""

import concurrent.futures
import contextlib
import csv
import datetime
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
PLUGIN = "MemoryPoolNVSE.dll"
TITLE = "MemoryPoolNVSE " + ".".join(
    re.findall(r"_(?:MAJOR|MINOR|PATCH) (\d+)", (ROOT / "src" / "plugin" / "version.h").read_text(encoding="utf-8")))
# Ending a process whose other threads compute makes Wine itself fault now and then (a signal inside its own handler, at
# about one end in four hundred, without any plugin), while it stops those threads.
WINE_LOST_A_THREAD = 128 + 11
ENDS = 30 if "MP_EMULATED" in os.environ else 100
IS_LONG = "MP_LONG" in os.environ  # ./test --long
SCENARIOS = ("combat", "strip", "scripted", "streaming", "modded", "initial-load", "save-load", "area-transition")
# Where programs are emulated the scenarios take turns by day.
TODAYS_SCENARIOS = SCENARIOS[datetime.date.today().toordinal() % 2::2] if "MP_EMULATED" in os.environ and not IS_LONG else SCENARIOS
SITES = {  # one function of each group: address and the group's name in the log
    0x009FB170: "media samples", 0x00AA5E30: "scrap buffers", 0x00AA6610: "pool memory", 0x00AA79A0: "heap backing",
    0x00AA7A50: "heap tail", 0x00AA7D60: "heap interior", 0x00AA8F50: "heap blocks", 0x00EDE263: "CRT small blocks",
}


class Game:
    """A folder with the game in it, thrown away afterwards. seconds: the most that one run of it may take."""

    def __init__(self, seconds=120):
        self.seconds = seconds
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mpnvse-"))
        self.plugins = self.folder / "Data" / "NVSE" / "Plugins"
        self.plugins.mkdir(parents=True)
        self.exe = self.folder / "FalloutNV.exe"
        shutil.copy2(BUILD / "standin" / "bin" / "FalloutNV.exe", self.exe)
        for name in ("nvse_steam_loader.dll", "nvse_1_4.dll"):
            shutil.copy2(BUILD / "bin" / name, self.folder)
        shutil.copy2(BUILD / "bin" / PLUGIN, self.plugins)

    def settings(self, text):
        (self.plugins / "MemoryPoolNVSE.ini").write_text(text, encoding="utf-8")

    def add_neighbour(self, name, **settings):
        shutil.copy2(BUILD / "bin" / "neighbour.dll", self.plugins / f"{name}.dll")
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        (self.plugins / f"{name}.ini").write_text("[Neighbour]\n" + lines, encoding="utf-8")

    def start(self, *arguments, **host):
        """Runs the game to its end and returns the finished process."""
        environment = {"MP_WINE_TIMEOUT": str(self.seconds), **os.environ}
        environment.update({f"NVSE_HOST_{key.upper()}": str(value) for key, value in host.items()})
        return subprocess.run([str(ROOT / "scripts" / "wine"), "./FalloutNV.exe", *arguments], cwd=self.folder,
                              env=environment, capture_output=True, text=True, check=False)

    def play(self, scenario="combat", frames=20, options=(), **host):
        """Plays and returns (exit code, document or None, log or None)."""
        done = self.start("--scenario", scenario, "--frames", str(frames), "--commands", "--json", "out.json", *options,
                          **host)
        out, log = self.folder / "out.json", self.folder / "MemoryPoolNVSE.log"
        self.output = done.stdout + done.stderr
        document = json.loads(out.read_text(encoding="utf-8")) if out.exists() else None
        return done.returncode, document, log.read_text(encoding="utf-8") if log.exists() else None

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the executable's file ---

    def become_variant(self, seed):
        """Other bytes of the same meaning where the site table's first bytes are only likely (tests/support/variants.h)."""
        built = BUILD / "standin" / "bin" / "FalloutNV.exe"
        subprocess.run([str(ROOT / "scripts" / "wine"), str(BUILD / "bin" / "make_variant.exe"), str(built), str(self.exe),
                        str(seed)], capture_output=True, text=True, check=True)

    def file_offset(self, address):
        data = self.exe.read_bytes()
        headers = struct.unpack_from("<I", data, 0x3C)[0]
        count, optional = struct.unpack_from("<H", data, headers + 6)[0], struct.unpack_from("<H", data, headers + 20)[0]
        base = struct.unpack_from("<I", data, headers + 24 + 28)[0]
        for i in range(count):
            size, start, raw_size, raw = struct.unpack_from("<IIII", data, headers + 24 + optional + 40 * i + 8)
            if start <= address - base < start + min(size, raw_size):
                return address - base - start + raw
        raise AssertionError(f"no section of the file holds {address:#x}")

    def alter(self, offset, change):
        data = bytearray(self.exe.read_bytes())
        data[offset] = change(data[offset])
        self.exe.write_bytes(data)

    def clear_large_address_aware(self):
        """As the game's file is before the 4 GB patch."""
        data = bytearray(self.exe.read_bytes())
        characteristics = struct.unpack_from("<I", data, 0x3C)[0] + 22
        flags = struct.unpack_from("<H", data, characteristics)[0]
        struct.pack_into("<H", data, characteristics, flags & ~0x20)
        self.exe.write_bytes(data)

    def set_build_number(self, number):
        """Changes the last part of the file version in the version resource."""
        data = bytearray(self.exe.read_bytes())
        places = [m.start() for m in re.finditer(re.escape(struct.pack("<I", 0xFEEF04BD)), data)]
        version = next(p for p in places if struct.unpack_from("<I", data, p + 8)[0] == 0x00010004)
        struct.pack_into("<I", data, version + 12, number)
        self.exe.write_bytes(data)


def console_text(answer):
    """What the console showed, put together again where a text goes on in a further line."""
    return "\n".join(answer["console"]).replace("\n  ", " ")


def answers(document):
    return {name: answer["number"] for name, answer in document["commands"].items()}


class System(unittest.TestCase):
    def setUp(self):
        self.game = Game()
        self.addCleanup(self.game.close)

    def play(self, **arguments):
        code, document, log = self.game.play(**arguments)
        self.assertIsNotNone(document, f"exit code {code}\n{self.game.output}\n{log}")
        self.assertEqual((code, document["errors"]), (0, 0), self.game.output)
        said = [*document["commands"].values(), *document.get("console", [])]
        self.assertEqual([line for answer in said for line in answer["console"] if len(line) > 80], [])
        return document, log

    def check_active(self, document, log, patches=17):
        self.assertEqual(answers(document)["GetPatchCount"], patches, log)
        self.assertEqual(answers(document)["IsMemorySystemActive"], 1)
        self.assertGreater(answers(document)["GetTotalAllocations"], 0)

    def add_probe(self, name, settings):
        """Another plugin; what it does is in its settings (tests/host/probe_plugin.cpp)."""
        shutil.copy2(BUILD / "bin" / "probe_plugin.dll", self.game.plugins / f"{name}.dll")
        (self.game.plugins / f"{name}.ini").write_text(f"[Plugin]\n{settings}\n", encoding="utf-8")

    # --- moments and modes ---

    def test_the_log_tells_how_long_the_installation_took(self):
        for mode in ("full", "boundary", "scrap"):
            with self.subTest(mode=mode):
                self.game.settings(f"[Main]\nsMode = {mode}\n")
                _, log = self.play(frames=1)
                lines = re.findall(r"installation took (\d+\.\d\d) ms", log)
                self.assertEqual(len(lines), 1, log)
                self.assertGreater(float(lines[0]), 0)
        self.game.settings("[Main]\nsMode = off\n")
        _, log = self.play(frames=1)
        self.assertNotIn("installation took", log)

    def test_preload_activates_before_the_first_allocation(self):
        document, log = self.play()
        self.check_active(document, log)
        self.assertIn("activation: Preload", log)
        self.assertIn("main loop reached; patch count 17 of 17", log)

    def test_load_activates_when_preload_did_not_run(self):
        document, log = self.play(SkipPreload=1)
        self.check_active(document, log)
        self.assertIn("activation: Load", log)

    def test_switched_off_nothing_is_replaced_and_the_commands_say_so(self):
        self.game.settings("[Main]\nsMode = off\n")
        document, log = self.play()
        self.assertEqual(answers(document)["GetPatchCount"], 0)
        self.assertEqual(answers(document)["IsMemorySystemActive"], 0)
        self.assertIn("does nothing: switched off by its settings", log)

    def test_boundary_mode_replaces_the_seventeen_and_no_front_door(self):
        self.game.settings("[Main]\nsMode = boundary\n")
        document, log = self.play()
        self.check_active(document, log)
        self.assertEqual(answers(document)["GetFrontDoorCount"], 0)
        self.assertGreater(document["scenario"]["engine"]["pools_built"], 0)

    SCRAP_VERDICT = ("scrap mode, 4 of 17 patches, 6 of 21 front doors; "
                     "chosen with sMode = scrap: 4 and 6, the rest is the game's")

    def test_scrap_mode_replaces_the_scrap_heaps_alone_and_says_that_this_was_chosen(self):
        self.game.settings("[Main]\nsMode = scrap\n")
        for moment in ({}, {"SkipPreload": 1}):
            with self.subTest(**moment):
                document, log = self.play(options=("--console", "MemoryPoolReport"), **moment)
                self.check_active(document, log, patches=4)
                self.assertEqual(answers(document)["GetFrontDoorCount"], 6)
                self.assertIn(f"console: {TITLE}: all is well; {self.SCRAP_VERDICT}", log)
                self.assertIn("patch count 4 of 17, front doors 6 of 21, 10 sites in all", log)
                self.assertNotIn("declined", log)
                self.assertIn(f"all is well; {self.SCRAP_VERDICT}", console_text(document["console"][0]))
                page = (self.game.folder / "MemoryPoolNVSE.html").read_text(encoding="utf-8")
                self.assertIn(f'"verdict: {TITLE}: all is well; {self.SCRAP_VERDICT}"', page)
                engine = document["scenario"]["engine"]
                self.assertGreater(min(engine["pools_built"], engine["heaps_built"]), 0, engine)
                if not moment:
                    self.assertEqual(engine["thread_scrap_heaps_built"], 0, engine)

    def test_in_scrap_mode_a_declined_group_is_not_taken_for_a_choice(self):
        self.game.settings("[Main]\nsMode = scrap\n")
        self.game.alter(self.game.file_offset(0x00AA5E30), lambda byte: 0xCC)
        _, _, log = self.game.play(frames=1)
        self.assertIn("scrap buffers: declined", log)
        self.assertIn("patch count 0 of 17, front doors 6 of 21", log)
        self.assertNotIn("all is well", log)

    def test_full_mode_is_the_default_and_in_preload_builds_and_enters_nothing_of_the_engine(self):
        document, log = self.play()
        self.check_active(document, log)
        self.assertEqual(answers(document)["GetFrontDoorCount"], 21)
        self.assertIn("providers: replaced", log)
        self.assertIn(f"console: {TITLE}: all is well; full mode, 17 of 17 patches", log)
        self.assertIn("21 of 21 front doors of the game's heaps are replaced",
                      document["commands"]["GetFrontDoorCount"]["console"])
        self.assertEqual(set(document["scenario"]["engine"].values()), {0}, document["scenario"]["engine"])

    def test_full_mode_in_load_serves_what_was_there_before(self):
        document, log = self.play(SkipPreload=1)
        self.check_active(document, log)
        self.assertNotIn("providers", log)

    def test_every_scenario_keeps_every_block_intact_in_boundary_mode(self):
        self.game.settings("[Main]\nsMode = boundary\n")
        for scenario in TODAYS_SCENARIOS:
            with self.subTest(scenario=scenario):
                self.check_active(*self.play(scenario=scenario))

    def test_every_scenario_keeps_every_block_intact_in_full_mode_and_saves_the_kernel_calls_of_the_unpatched_game(self):
        def count(scenario, mode):
            self.game.settings(f"[Main]\nsMode = {mode}\n")
            document, log = self.play(scenario=scenario, frames=0)
            if mode == "full":
                self.check_active(document, log)
            return document["scenario"]["kernel_calls_since_start"], answers(document)["GetSavedSyscalls"]

        for scenario in TODAYS_SCENARIOS:
            with self.subTest(scenario=scenario):
                original, _ = count(scenario, "off")
                made, saved = count(scenario, "full")
                self.assertAlmostEqual(saved / (original - made), 1, delta=0.25, msg=f"{saved} of {original} - {made}")

    def test_scenarios_of_every_kind_keep_every_block_intact_in_scrap_mode(self):
        # Three of the seven: the rest of the game's memory is the original's there.
        self.game.settings("[Main]\nsMode = scrap\n")
        for scenario, moment in (("modded", {}), ("streaming", {"SkipPreload": 1}), ("area-transition", {})):
            with self.subTest(scenario=scenario):
                self.check_active(*self.play(scenario=scenario, **moment), patches=4)

    # --- an executable whose likely bytes are others ---

    PROVEN_BY_STRUCTURE = (0x00AA5E30, 0x00AA5E90, 0x00AA5EC0, 0x00AA5F30, 0x00AA6610, 0x00AA6650, 0x00AA6680)

    def check_variant(self, seed, **host):
        self.game.become_variant(seed)
        document, log = self.play(**host)
        self.check_active(document, log)
        self.assertEqual(answers(document)["GetFrontDoorCount"], 21)
        proven = re.findall(r"0x([0-9A-F]{8}) \S+: by structure", log)
        self.assertEqual(sorted(int(address, 16) for address in proven), list(self.PROVEN_BY_STRUCTURE), log)
        return log

    def test_variants_are_proven_by_their_structure_and_replaced_whole_in_preload(self):
        for seed in range(1, 7):
            with self.subTest(seed=seed):
                self.assertIn("activation: Preload", self.check_variant(seed))

    def test_variants_are_proven_by_their_structure_and_replaced_whole_in_load(self):
        for seed in range(1, 7):
            with self.subTest(seed=seed):
                self.assertIn("activation: Load", self.check_variant(seed, SkipPreload=1))

    def play_alone(self):
        """What a game without the plugin did, as far as it does not depend on the order of its threads."""
        document, _ = self.play()
        self.assertEqual(document["plugins"], [])
        engine = document["scenario"]["engine"]
        del engine["heap_tail_allocations"]
        return engine

    def test_variants_without_the_plugin_do_what_the_built_file_does(self):
        (self.game.plugins / PLUGIN).unlink()
        engine = self.play_alone()
        self.assertGreater(min(engine[name] for name in ("pools_built", "heaps_built")), 0, engine)
        for seed in range(1, 7):
            with self.subTest(seed=seed):
                self.game.become_variant(seed)
                self.assertEqual(self.play_alone(), engine)

    def test_a_mutant_of_a_variant_declines_its_group_and_what_builds_on_it(self):
        self.game.become_variant(7)
        call = 0x00ECD27B  # in crt::malloc, for sizes of almost 4 GB: nobody asks for them
        offset = self.game.file_offset(call)
        self.assertEqual(self.game.exe.read_bytes()[offset], 0xE8)
        for i, byte in enumerate(struct.pack("<I", 0x12345678 - (call + 5))):
            self.game.alter(offset + 1 + i, lambda _, byte=byte: byte)
        document, log = self.play()
        self.check_active(document, log)
        self.assertEqual(answers(document)["GetFrontDoorCount"], 11)
        self.assertRegex(log, r"CRT heap: declined.*foreign jump at 0x00ECD27B to 0x12345678")
        self.assertEqual(re.findall(r"^\S+   (.*): not needed; ", log, re.MULTILINE), ["providers"], log)
        self.assertEqual(len(re.findall(r"^\S+   .*: declined; ", log, re.MULTILINE)), 1, log)

    # --- little room ---

    def test_a_process_with_one_gigabyte_of_address_space_plays_in_full_mode(self):
        for scenario in ("combat", "modded", "save-load"):
            with self.subTest(scenario=scenario):
                document, log = self.play(scenario=scenario, options=("--address-space", "1024"))
                self.check_active(document, log)
                self.assertLess(document["scenario"]["memory"]["largest_hole"], 1 << 30)

    def test_a_process_that_is_not_large_address_aware_plays_in_full_mode(self):
        self.game.clear_large_address_aware()
        for scenario in ("combat", "modded", "save-load"):
            with self.subTest(scenario=scenario):
                document, log = self.play(scenario=scenario)
                self.check_active(document, log)
                self.assertIn("NOT large address aware", log)
                warning = "MemoryPoolNVSE: the game can use 2 GB only; run the FNV 4GB Patcher"
                self.assertEqual(log.count("console: " + warning), 1)
                self.assertIn("warning: " + warning, self.session()[2])

    # --- refusals ---

    def test_an_older_extender_without_preload_is_refused(self):
        _, document, log = self.game.play(NvseVersion=hex(0x06020090), SkipPreload=1)
        self.assertNotIn("MemoryPoolNVSE", document["plugins"])
        self.assertIn("REFUSED: xNVSE 6.2.9 is too old", log)

    def test_another_version_of_the_program_is_refused(self):
        self.game.set_build_number(526)
        _, document, log = self.game.play()
        # The extender refuses such a program before any plugin; the plugin's own check has a test of its own.
        self.assertEqual(document["plugins"], [])
        self.assertIsNone(log)

    def test_a_breakpoint_in_the_file_declines_its_group_and_is_named(self):
        for address, group in SITES.items():
            with self.subTest(group=group):
                self.game.close()
                self.game = Game()
                # The altered function itself is broken now, and the game may well crash in it: only the log counts.
                self.game.alter(self.game.file_offset(address), lambda byte: 0xCC)
                _, _, log = self.game.play(frames=1)
                self.assertIn(f"{group}: declined", log)
                self.assertIn(f"0x{address:08X}", log)

    def test_a_rival_makes_the_plugin_step_back(self):
        shutil.copy2(BUILD / "bin" / "probe_plugin.dll", self.game.plugins / "psycho_engine_fixes.dll")
        document, log = self.play(PluginOrder="psycho_engine_fixes.dll,MemoryPoolNVSE.dll")
        self.assertEqual(answers(document)["GetPatchCount"], 0)
        self.assertIn("REFUSED: psycho_engine_fixes.dll is loaded", log)

    def test_a_second_copy_touches_no_file_and_the_first_one_serves_answers_and_names_it(self):
        shutil.copy2(BUILD / "bin" / PLUGIN, self.game.plugins / "MemoryPoolNVSE - Copy.dll")
        for mode, patches in (("full", 17), ("off", 0)):
            with self.subTest(mode=mode):
                self.game.settings(f"[Main]\nsMode = {mode}\n")
                document, log = self.play(PluginOrder="MemoryPoolNVSE.dll,MemoryPoolNVSE - Copy.dll")
                self.assertEqual(sorted(document["plugins"]), ["MemoryPoolNVSE", "MemoryPoolNVSE"])
                self.assertEqual(answers(document)["GetPatchCount"], patches)
                self.assertIn("console: MemoryPoolNVSE: a second copy of it was loaded and does nothing", log)
                self.assertEqual((log.count("activation: "), log.count("statistics of the session:")), (1, 1), log)
                self.assertEqual(self.session()[2].count(self.END), 1)
                if mode == "full":
                    self.assertFalse((self.game.folder / "MemoryPoolNVSE.previous.csv").exists(), "one session so far")

    def test_a_function_that_a_later_plugin_overwrote_is_not_counted_and_named_once(self):
        self.add_probe("Rival", "Overwrite=0x00AA7D60")  # nobody calls it
        document, log = self.play(PluginOrder="MemoryPoolNVSE.dll,Rival.dll")
        self.check_active(document, log, patches=16)
        self.assertIn("works in part, see MemoryPoolNVSE.log; full mode, 16 of 17 patches", log)
        self.assertEqual(log.count("console: MemoryPoolNVSE: somebody changed the bytes at 0x00AA7D60"), 1)
        self.assertRegex(log, r"0x00AA7D60.*Rival\.dll")

    # --- a neighbour that stands in the way ---

    def play_beside(self, **settings):
        """Plays beside a plugin that refuses what `settings` say: (exit code, document, log, what a second one saw)."""
        self.game.add_neighbour("a_neighbour", **settings)
        self.game.add_neighbour("z_neighbour", Look=1)
        code, document, log = self.game.play(frames=5, PluginOrder=f"a_neighbour.dll,{PLUGIN},z_neighbour.dll")
        seen = re.fullmatch(r"code pages not executable (\d+), writable and executable (\d+)\n",
                            (self.game.folder / "neighbour.txt").read_text(encoding="utf-8"))
        return code, document, log, tuple(int(number) for number in seen.groups())

    def check_untouched(self, document, log, seen):
        self.assertIn("installation: nothing was changed: ", log)
        self.assertIn("patch count 0 of 17, front doors 0 of 21, 0 sites in all", log)
        self.assertNotIn("all is well", log)
        self.assertEqual((answers(document)["GetPatchCount"], document["errors"]), (0, 0))
        self.assertEqual(seen, (0, 0))

    def test_a_thread_that_cannot_be_suspended_means_that_nothing_is_written(self):
        _, document, log, seen = self.play_beside(Refuse="suspend")
        self.check_untouched(document, log, seen)
        self.assertRegex(log, r"the thread with the id \d+ could not be suspended")
        self.assertRegex(log, r"console: .*does nothing: no group could be replaced: the thread with the id \d+")

    def test_a_plugin_that_unloads_us_does_not_take_our_code_away(self):
        self.game.add_neighbour("z_neighbour", Unload=1)
        document, log = self.play(scenario="modded", PluginOrder=f"{PLUGIN},z_neighbour.dll")
        self.check_active(document, log)

    def play_beside_typical(self, mode, end, names):
        """Plays beside copies of a plugin that does what others do: (hooked calls, document, log)."""
        self.game.settings(f"[Main]\nsMode = {mode}\n")
        for other in self.game.plugins.glob("?_typical.*"):
            other.unlink()
        for name in set(names) - {PLUGIN}:
            shutil.copy2(BUILD / "bin" / "typical_plugin.dll", self.game.plugins / name)
            (self.game.plugins / name).with_suffix(".ini").write_text(f"[Typical]\nEnd = {end}\n", encoding="utf-8")
        document, log = self.play(frames=10, PluginOrder=",".join(names))
        written = self.game.folder / "typical.txt"
        errors, calls, faults = map(int, re.findall(r"\d+", written.read_text(encoding="utf-8")))
        written.unlink()
        self.assertEqual((errors, faults), (0, 0), log)
        self.assertEqual(answers(document)["IsMemorySystemActive"], int(mode != "off"))
        return calls, document, log

    def test_beside_a_plugin_that_does_what_others_do_nothing_is_lost_in_either_order_and_every_mode(self):
        for mode in ("full", "boundary", "scrap", "off"):
            for names in (("a_typical.dll", PLUGIN), (PLUGIN, "z_typical.dll")):
                with self.subTest(mode=mode, names=names):
                    calls, _, _ = self.play_beside_typical(mode, "exit", names)
                    self.assertEqual(calls > 1000, mode == "full", calls)

    def test_plugins_that_take_their_jumps_away_before_and_after_us_leave_a_whole_game(self):
        _, _, log = self.play_beside_typical("full", "detach", ("a_typical.dll", PLUGIN, "z_typical.dll"))
        self.assertIn("blocks are still in use; the functions that free them stay replaced", log)

    # How the process ends, by a plugin that was loaded before us: exit code, and whether we are told of the end.
    ENDS_BY = {"thread": (0, True), "terminate": (9, False), "crash": (5, False), "stuck": (0, True), "detach": (0, True)}

    def test_however_the_process_ends_it_does_not_hang_and_the_log_is_whole(self):
        for mode in ("full", "boundary", "scrap"):
            self.game.settings(f"[Main]\nsMode = {mode}\n")
            for how, (expected, is_told) in self.ENDS_BY.items():
                if (mode, how) == ("boundary", "detach"):
                    continue  # the game has ended its own scrap heaps by then, with or without us
                with self.subTest(mode=mode, how=how):
                    self.game.add_neighbour("a_neighbour", Exit=how)
                    code, _, log = self.game.play(frames=3, PluginOrder=f"a_neighbour.dll,{PLUGIN}")
                    self.assertEqual(code, expected, log)
                    self.assertIn("main loop reached", log)
                    self.assertTrue(log.endswith("\n"), log[-200:])
                    self.assertEqual(bool(re.search(r"restored; \d+ sites stay replaced", log)), is_told, log)
                    self.assertNotRegex(log, "restore: (nothing|some)")
                    seen = self.game.folder / "neighbour.txt"
                    self.assertEqual(seen.exists(), how == "detach")
                    seen.unlink(missing_ok=True)

    def test_hundreds_of_short_threads_leave_nothing_behind(self):
        self.game.add_neighbour("z_neighbour", Threads=400)
        self.check_active(*self.play(PluginOrder=f"{PLUGIN},z_neighbour.dll"))
        seen = (self.game.folder / "neighbour.txt").read_text(encoding="utf-8")
        self.assertRegex(seen, r"^committed KB more -?\d+$")
        self.assertLess(int(seen.split()[-1]), 2048)  # the allocator commits 1 MB at once

    def test_pages_that_cannot_be_made_writable_mean_that_nothing_is_written(self):
        for calls in (0, 1, 2, 3):  # the first is for the trampolines
            with self.subTest(calls=calls):
                _, document, log, seen = self.play_beside(Refuse="protect", After=calls)
                self.check_untouched(document, log, seen)

    def test_pages_get_their_protection_back_when_only_the_usual_call_refuses(self):
        for calls in (20, 30):
            with self.subTest(calls=calls):
                _, document, log, seen = self.play_beside(Refuse="protect", After=calls)
                self.assertEqual(seen, (0, 0), log)
                self.check_active(document, log)
                self.assertIn("all is well", log)

    def check_told(self, log, seen):
        """The log tells as many pages as another plugin sees, and does not say that nothing happened."""
        told = re.search(r"(\d+) pages of the game could not be given their protection back: 0x[0-9A-F]{8} .*; save and restart", log)
        self.assertIsNotNone(told, log)
        code_pages = re.findall(r"^\S+   0x[0-9A-F]{8} \(was r-x, is rw-\)$", log, re.MULTILINE)
        self.assertEqual(seen, (len(code_pages), 0), log)
        self.assertGreaterEqual(int(told.group(1)), len(code_pages))
        self.assertNotIn("nothing was changed", log)
        self.assertNotIn("all is well", log)

    def test_pages_that_cannot_be_protected_again_are_told_as_they_are(self):
        # The game cannot go on in such pages: only what was written down before counts.
        for calls in (8, 20, 30):
            with self.subTest(calls=calls):
                _, _, log, seen = self.play_beside(Refuse="protect", After=calls, Native=0)
                log = log[:log.index("installation took")]  # the end of the game has refusals of its own
                if "pages of the game" in log or any(seen):
                    self.check_told(log, seen)
                else:
                    self.assertIn("17 of 17", log, "so many calls are enough for everything")

    def test_wrong_settings_are_named_with_their_line_and_the_game_goes_on(self):
        self.game.settings("[Main]\nsMode = turbo\n[Speed]\niBudget = 9\n")
        document, log = self.play()
        self.check_active(document, log)
        self.assertIn("MemoryPoolNVSE.ini(2): [Main] sMode = turbo is none of: full, boundary, scrap, off", log)
        self.assertIn("MemoryPoolNVSE.ini(4): unknown key [Speed] iBudget", log)

    # --- commands with arguments ---

    def type(self, *lines):
        """Plays, types lines into the console, and returns (their answers, the log)."""
        document, log = self.play(options=[part for line in lines for part in ("--console", line)])
        self.assertEqual([answer["line"] for answer in document["console"]], list(lines))
        return [(answer["number"], console_text(answer)) for answer in document["console"]], log

    def test_a_setting_is_changed_by_command_and_a_restart_is_asked_for_where_it_is_needed(self):
        answers_, log = self.type("MemoryPoolSet iQuarantineKB 512", 'mpset "iquarantineKB" "1000000"', "mpset sMode off", "mpset")
        self.assertEqual([number for number, _ in answers_], [1, 0, 0, 0])
        self.assertIn("[Memory] iQuarantineKB: 512, was 1024", answers_[0][1])
        self.assertIn('"1000000" is none of: 0 to 16384; 512 stays', answers_[1][1])
        self.assertIn("sMode: off needs a restart", answers_[2][1])
        self.assertIn("iQuarantineKB = 512 (0 to 16384); a change takes effect at once", answers_[3][1])
        self.assertIn("[Memory] iQuarantineKB: 512, was 1024", log)

    def test_what_was_set_by_command_decides_about_the_end(self):
        page = self.game.folder / "MemoryPoolNVSE.html"
        _, log = self.type("mpset bPageAtExit 0", "mpset bRestoreAtExit 0")
        self.assertEqual(self.session()[2][-1], self.END)
        self.assertFalse(page.exists())
        self.assertNotIn("sites stay replaced until the process is gone", log)
        answers_, log = self.type("mpset bRecordSession 0", "mpset bRecordSession 1", "mpreport full")
        self.assertEqual([number for number, _ in answers_], [1, 0, 1])
        self.assertEqual(self.session()[2][-1], self.END)
        self.assertTrue(page.exists())
        self.assertIn("no session is being recorded", answers_[2][1])
        self.assertIn("sites stay replaced until the process is gone", log)

    def test_the_settings_are_read_again_on_request(self):
        self.game.settings("[Memory]\niQuarantineKB = 9\nwhat = 1\n")
        answers_, log = self.type("mpset iQuarantineKB 512", "ReloadPluginConfig MemoryPoolNVSE")
        console = answers_[1][1]
        self.assertIn("[Memory] iQuarantineKB: 9, was 512", console)
        self.assertIn("MemoryPoolNVSE.ini(3): unknown key [Memory] what; ignored", console)
        self.assertIn("settings: 1 changed, 0 need a restart, 1 lines of the file not used", console)
        self.assertIn("settings: 1 changed", log)

    def test_the_settings_are_read_again_on_request_after_another_plugin_failed_to_load(self):
        self.add_probe("0_fails", "Load=false")
        self.game.settings("[Memory]\niQuarantineKB = 9\n")
        lines = ("mpset iQuarantineKB 512", "ReloadPluginConfig MemoryPoolNVSE")
        for version in (0x06040040, 0x06040080):  # before and after the reported handle is taken although it is too high
            with self.subTest(version=hex(version)):
                document, log = self.play(NvseVersion=hex(version),
                                          options=[part for line in lines for part in ("--console", line)])
                console = console_text(document["console"][1])
                self.assertIn("[Memory] iQuarantineKB: 9, was 512", console, log)
                self.assertEqual(log.count("main loop reached"), 1)

    def test_the_report_is_short_and_writes_the_page_when_asked_in_full(self):
        self.game.settings("[Report]\nbPageAtExit = 0\n")
        answers_, _ = self.type("MemoryPoolReport")
        self.assertEqual(answers_[0][0], 1)
        self.assertLessEqual(answers_[0][1].count("\n"), 5)
        self.assertIn("all is well; full mode", answers_[0][1])
        page = self.game.folder / "MemoryPoolNVSE.html"
        self.assertFalse(page.exists())
        answers_, _ = self.type("mpreport full")
        self.assertIn("page of charts: being written to ", answers_[0][1])
        self.assertIn("</html>", page.read_text(encoding="utf-8"))

    # --- the end ---

    def test_the_end_of_the_process_restores_what_can_be_restored(self):
        _, log = self.play()
        self.assertIn("statistics of the session:", log)
        self.assertRegex(log, r"restored; \d+ sites stay replaced until the process is gone")

    def half_of_the_ends(self, game, kind, first_seed):
        """(exit code, log) of half of the processes, one after the other; each has its own moment of ending."""
        ends = []
        for seed in range(first_seed, ENDS, 2):
            done = game.start("--busy-exit", kind, "--seed", str(seed))
            ends.append((done.returncode, (game.folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")))
        return ends

    def end_many_times(self, kind):
        other = Game()
        self.addCleanup(other.close)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(self.half_of_the_ends, game, kind, seed) for seed, game in enumerate((self.game, other))]
            return [end for half in halves for end in half.result()]

    # --- the recorded session ---

    def session(self):
        """The session file, checked: (sums of its columns by name, rows, events as "kind: text")."""
        text = (self.game.folder / "MemoryPoolNVSE.csv").read_text(encoding="utf-8")
        (ms, event, *names), *lines = csv.reader(text[:text.rfind("\n")].split("\n"))
        self.assertEqual((ms, event), ("ms", "event"))
        rows = [line for line in lines if len(line) < 2 or not line[1]]
        times = [int(row[0]) for row in rows]
        self.assertEqual(times, sorted(times))
        rows = [row[2:] for row in rows]
        sums = {name: sum(int(row[i] or 0) for row in rows if i < len(row)) for i, name in enumerate(names)}
        return sums, len(rows), [line[1] for line in lines if len(line) > 1 and line[1]]

    END = "end: in order"

    def test_an_orderly_end_leaves_a_session_and_its_page(self):
        for mode in ("full", "boundary", "scrap", "off"):
            self.game.settings(f"[Main]\nsMode = {mode}\n")
            _, log = self.play()
            sums, rows, events = self.session()
            self.assertGreaterEqual(rows, 2, mode)
            self.assertEqual("heap blocks 9 allocated" in sums, mode in ("full", "boundary"), sums)
            self.assertEqual("game heap allocated" in sums, mode == "full", sums)
            self.assertEqual("above 1 MB" in sums, mode != "off", sums)
            if "MP_EMULATED" not in os.environ:  # an emulated Wine does not list them
                self.assertGreater(sum(event.startswith("module ") for event in events), 5, mode)
            self.assertEqual(events[-1], self.END, mode)
            self.assertIn(f"mode: {mode}", events)
            page = (self.game.folder / "MemoryPoolNVSE.html").read_text(encoding="utf-8")
            self.assertIn(f'"mode: {mode}"', page)
            self.assertIn("</html>", page)
            self.assertIn("MemoryPoolNVSE.html", log)
        self.assertTrue((self.game.folder / "MemoryPoolNVSE.previous.csv").exists())

    def test_the_session_has_sizes_and_frames(self):
        for mode in ("full", "boundary"):
            with self.subTest(mode=mode):
                self.game.settings(f"[Main]\nsMode = {mode}\n")
                self.play(frames=120)
                sums, _, _ = self.session()
                sizes = sum(value for name, value in sums.items() if re.match("(to|above) ", name))
                blocks = sum(sums.get(name, 0) for name in ("heap blocks 9 allocated", "game heap allocated",
                                                            "CRT heap allocated", "scrap heaps allocated"))
                self.assertLessEqual(sizes, blocks)
                self.assertGreater(sizes, 0.9 * blocks)
                # In boundary mode the game's pools serve up to 512 bytes, and nobody counts their blocks.
                self.assertGreater(sums["to 1 KB"], 0)
                self.assertEqual(sums["to 64 B"] > 0, mode == "full")
                self.assertGreater(sums["frame ms"], 0)
                self.assertGreater(sums["frames"], 0)
                self.assertEqual(sum(value for name, value in sums.items() if re.match("frames (to|above) ", name)),
                                 sums["frames"])
                self.assertEqual(sums["loading ms"], 0)

    def test_loading_screens_are_apart_from_frames(self):
        self.play(scenario="save-load", frames=20)
        sums, _, events = self.session()
        self.assertIn("loading screen: began", events)
        ended = [event for event in events if event.startswith("loading screen: ended; ")]
        self.assertEqual(len(ended), 1, events)
        took = int(re.match(r"loading screen: ended; (\d+) ms; committed \d+ KB before, \d+ KB after", ended[0]).group(1))
        self.assertGreater(sums["loading ms"], 0.5 * took)
        self.assertLess(sums["frames"], 20)

    def test_a_terminated_game_leaves_a_session_from_which_the_page_is_made(self):
        self.game.start("--busy-exit", "abrupt", "--seed", "1")
        log = (self.game.folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")
        self.assertIn("all is well; full mode", log, "each line is there as soon as it is written")
        _, rows, events = self.session()
        self.assertGreater(rows, 0)
        self.assertNotIn(self.END, events)
        self.assertFalse((self.game.folder / "MemoryPoolNVSE.html").exists())
        made = subprocess.run([str(ROOT / "scripts" / "wine"), str(BUILD / "bin" / "mpnvse.exe"), "report",
                               "MemoryPoolNVSE.csv"], cwd=self.game.folder, capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        self.assertIn("no orderly end", made.stdout)
        self.assertIn("</html>", (self.game.folder / "MemoryPoolNVSE.html").read_text(encoding="utf-8"))

    def test_a_page_on_a_second_screen_follows_the_running_game(self):
        def begin(*command):
            process = subprocess.Popen([str(ROOT / "scripts" / "wine"), *command], cwd=self.game.folder,
                                       env=dict(os.environ, MP_WINE_TIMEOUT="1500"), stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.terminate)
            return process

        watch = begin(str(BUILD / "bin" / "mpnvse.exe"), "watch", ".")
        address = watch.stdout.readline().strip()
        self.assertRegex(address, r"^http://127\.0\.0\.1:\d+/[0-9a-f]{32}/$")
        game = begin("./FalloutNV.exe", "--session", "1500")
        seen = subprocess.run([os.environ["MP_NODE"], str(ROOT / "tests" / "system" / "follow_page.mjs"),
                               os.environ["MP_NODE_MODULES"], os.environ["MP_CHROMIUM"], address],
                              capture_output=True, text=True, check=False)
        self.assertEqual((seen.returncode, seen.stderr), (0, ""))
        shown = json.loads(seen.stdout)
        self.assertEqual((shown["errors"], shown["isTheSamePage"]), ([], True))
        self.assertGreaterEqual(len(shown["seconds"]), shown["first"] + 3)
        self.assertEqual(shown["seconds"], sorted(set(shown["seconds"])))
        self.assertRegex(shown["following"], "follows the session")
        self.assertIsNone(game.poll(), "it was the running game that the page followed")
        self.assertNotIn(self.END, self.session()[2])

    def test_after_a_terminated_game_the_next_start_says_so_and_shows_the_last_session(self):
        self.game.start("--busy-exit", "abrupt", "--seed", "1")
        crashed = {name: (self.game.folder / f"MemoryPoolNVSE.{name}").read_bytes() for name in ("log", "csv", "used.ini")}
        _, log = self.play(frames=200)
        self.assertRegex(log, r"the last session ended without an orderly end after 0:\d\d:\d\d; ")
        for name, content in crashed.items():
            kept = self.game.folder / f"MemoryPoolNVSE.previous.{name.removeprefix('used.')}"
            self.assertEqual(kept.read_bytes(), content, name)
        self.assertIn("</html>", (self.game.folder / "MemoryPoolNVSE.previous.html").read_text(encoding="utf-8"))
        _, log = self.play()
        self.assertNotIn("without an orderly end", log)

    def test_nothing_is_recorded_when_the_settings_forbid_it(self):
        self.game.settings("[Report]\nbRecordSession = 0\n")
        document, log = self.play()
        self.check_active(document, log)
        self.assertEqual([p.name for p in self.game.folder.glob("MemoryPoolNVSE.*") if p.suffix not in (".log", ".ini")],
                         [])

    def test_without_the_page_there_is_still_the_session(self):
        self.game.settings("[Report]\nbPageAtExit = 0\n")
        self.play()
        self.assertEqual(self.session()[2][-1], self.END)
        self.assertFalse((self.game.folder / "MemoryPoolNVSE.html").exists())

    def check_ends(self, ends, expected):
        """Of the ends, all but those in which Wine lost a thread have the expected code."""
        kept = [(code, log) for code, log in ends if code != WINE_LOST_A_THREAD]
        self.assertGreaterEqual(len(kept), 0.9 * ENDS, "far more often than Wine loses a thread by itself")
        self.assertEqual({code for code, _ in kept}, {expected})
        return kept

    def test_many_orderly_ends_with_busy_threads_neither_hang_nor_crash(self):
        for _, log in self.check_ends(self.end_many_times("orderly"), 0):
            self.assertRegex(log, r"restored; \d+ sites stay replaced until the process is gone")

    def test_many_terminations_with_busy_threads_neither_hang_nor_crash(self):
        self.check_ends(self.end_many_times("abrupt"), 65)


class Refusals(unittest.TestCase):
    """Calls of the system that fail, of all that the DLL makes: one alone, and one with all that follow it."""

    ONE, ALL = ((range(1, 301), range(1, 301)) if IS_LONG else ((30, 105, 250), (1, 64, 150, 256, 400)))
    UNHARMED = "code pages not executable 0, writable and executable 0\n"

    def play_refused(self, mode, phase, call, once):
        """False when there were fewer calls."""
        with contextlib.closing(Game(seconds=60)) as game:
            game.settings(f"[Main]\nsMode = {mode}\n")
            game.add_neighbour("a_neighbour", Refuse="any", Phase=phase, Call=call, Once=int(once))
            code, document, log = game.play(frames=3, PluginOrder=f"a_neighbour.dll,{PLUGIN}")
            said = f"exit code {code}\n{game.output}\n{log}"
            self.assertIsNotNone(document, said)
            self.assertEqual((code, document["errors"]), (0, 0), said)
            pages = (game.folder / "neighbour.txt").read_text(encoding="utf-8")
            if pages != self.UNHARMED:
                self.assertRegex(f"{log}", r"\d+ pages of the game could not be given their protection back", pages)
            whole = answers(document)["GetPatchCount"] == 17
            self.assertTrue(whole or phase == "preload", said)
            if not whole:
                self.assertNotIn("all is well", said)
            return "refused nothing" not in (game.folder / "refused.txt").read_text(encoding="utf-8")

    def check_phase(self, phase, modes=("full",)):
        for mode in modes:
            for once, calls in ((True, self.ONE), (False, self.ALL)):
                for call in calls:
                    with self.subTest(mode=mode, phase=phase, call=call, once=once):
                        if not self.play_refused(mode, phase, call, once):
                            self.assertGreater(call, 100, "so few calls are not all of them")
                            break

    def test_while_it_installs_in_preload_are_survived(self):
        self.check_phase("preload")  # in boundary mode the game ends when its heaps are refused their memory, as without us

    def test_while_plugins_load_are_survived(self):
        self.check_phase("load")

    def test_while_changes_by_others_are_looked_for_are_survived(self):
        self.check_phase("late")

    def test_in_play_are_survived(self):
        self.check_phase("play", ("full", "boundary", "scrap") if IS_LONG else ("full",))

    def test_at_the_games_end_are_survived(self):
        self.check_phase("exit")


class Endurance(unittest.TestCase):
    """Everything at once where there is little room, and for long."""

    # In boundary mode the game's own scrap heaps reserve 8 MB at once, and wait for ever where there is no such hole.
    HOLE_MB = {"full": 8, "boundary": 24}

    def play(self, mode, *options, seconds=300):
        with contextlib.closing(Game(seconds)) as game:
            game.settings(f"[Main]\nsMode = {mode}\n")
            done = game.start("--commands", "--json", "out.json", *options)
            log = (game.folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{log}")
            document = json.loads((game.folder / "out.json").read_text(encoding="utf-8"))
            self.assertEqual(document["errors"], 0, done.stderr)
            self.assertEqual(answers(document)["IsMemorySystemActive"], 1)
            self.assertNotIn("OUT OF MEMORY", log)
            return document

    def test_sixteen_threads_of_all_scenarios_in_a_space_of_small_holes_keep_every_block_intact(self):
        scenarios = SCENARIOS if IS_LONG else ("streaming", "save-load")
        for mode, hole in self.HOLE_MB.items():
            for megabytes in ("2048", "0"):
                for scenario in scenarios:
                    with self.subTest(mode=mode, megabytes=megabytes, scenario=scenario):
                        document = self.play(mode, "--scenario", scenario, "--threads", "16", "--address-space", megabytes,
                                             "--largest-hole", str(hole),
                                             *(() if IS_LONG else ("--frames", "10", "--scale", "50")))
                        self.assertLessEqual(document["scenario"]["memory"]["largest_hole"], hole << 20)

    def test_a_long_session_takes_no_more_memory_at_its_end_than_when_it_was_young(self):
        # Short rounds are warm after six of them only.
        rounds, frames, scale, warm, more = ("8", "3000", "100", 1, 1.05) if IS_LONG else ("12", "60", "20", 6, 1.1)
        document = self.play("full", "--session", "1", "--rounds", rounds, "--frames", frames, "--scale", scale, seconds=3600)
        young, old = document["session"]["rounds"][warm], document["session"]["rounds"][-1]
        for figure in ("committed", "reserved"):
            self.assertLess(old[figure], more * young[figure], document["session"]["rounds"])
        self.assertGreater(more * old["smallest_hole"], young["smallest_hole"], document["session"]["rounds"])


class Findings(unittest.TestCase):
    """The culprit finder, on a plugin that misuses memory (culprit.cpp)."""

    SIZE = 1112  # of the blocks that are misused
    # Kind of misuse: kind of finding, what is done, who touches, whether the block was freed before.
    FAULTS = {
        "overrun": ("overrun", f"writes 0 bytes behind the end of a block of {SIZE} bytes", False),
        "read_behind": ("overrun", f"reads 20 bytes behind the end of a block of {SIZE} bytes", False),
        "underrun": ("underrun", f"writes 1 bytes before the start of a block of {SIZE} bytes", False),
        "use_after_free": ("use after free", f"writes byte 12 of a freed block of {SIZE} bytes", True),
        "call_freed": ("use after free", f"calls byte 0 of a freed block of {SIZE} bytes", True),
    }
    FREES = {
        "double_free": ("double free", f"frees a block of {SIZE} bytes again", "double_free", True),
        "free_inside": ("free inside a block", f"frees byte 16 of a block of {SIZE} bytes", "free_inside", False),
        "other_door": ("freed by another door", f"frees a block of {SIZE} bytes of another heap", "other_door", False),
        "beside": ("written beside a block",
                   f"frees a block of {SIZE} bytes beside which somebody has written; who is not known", "end", False),
        "size_of_freed": ("size of what is no live block", "asks for the size of a block, but no live block starts there",
                          "size_of_freed", True),
        "resize_freed": ("resize of what is no live block", "resizes a block, but no live block starts there",
                         "resize_freed", True),
    }
    DOORS = {"size_of_freed": "size", "resize_freed": "resize"}  # what is asked for; else a free

    def setUp(self):
        self.game = Game()
        self.addCleanup(self.game.close)

    def add_culprit(self, kind, diagnose=f"sSizes = {SIZE}", thread="main", when="loop", times=1, size=1):
        self.game.settings(f"[Diagnose]\nbDiagnose = 1\n{diagnose}\n")
        if kind is not None:
            shutil.copy2(BUILD / "bin" / "culprit.dll", self.game.plugins)
            (self.game.plugins / "culprit.ini").write_text(
                f"[Culprit]\nKind = {kind}\nThread = {thread}\nWhen = {when}\nTimes = {times}\nBytes = {size}\n", encoding="utf-8")

    def misuse(self, kind, *diagnose, frames=3, scenario="combat", options=(), SkipPreload=0, **culprit):
        """Plays with the faulty plugin; (exit code, findings of the log, log)."""
        self.add_culprit(kind, *diagnose, **culprit)
        code, document, log = self.game.play(scenario, frames, options, SkipPreload=SkipPreload)
        if document is not None:
            self.assertEqual(document["errors"], 0, log)
        return code, self.findings(log), log

    @staticmethod
    def findings(log):
        """[{kind, who, deed, stacks: {"access": [...], "allocated": [...]}}] in their order."""
        found = {}
        for number, text in re.findall(r"^\S+ finding: (\d+)(.*)$", log, re.MULTILINE):
            if text.startswith(";"):
                kind, who, deed = re.match(r"; (.*?); (.*?); (.*); block 0x", text).groups()
                found[number] = {"kind": kind, "who": who, "deed": deed, "stacks": {}}
            else:
                what, frames = text[1:].split(": ", 1)
                found[number]["stacks"][what.split(" ")[0]] = frames.split(", ")
        return list(found.values())

    def function(self, code):
        """Name of the faulty plugin's function that holds "culprit.dll+0x12A4"; the code itself when it is none of these."""
        module, offset = code.removeprefix("likely ").rsplit("+", 1) if "+" in code else (code, "0")
        if module != "culprit.dll":
            return code
        starts = [line.split(" ") for line in (self.game.folder / "culprit.txt").read_text().splitlines()]
        before = [(int(start), name) for name, start in starts if int(start) < int(offset, 16)]
        start, name = max(before, default=(-1000, code))
        return name if int(offset, 16) - start < 100 else code

    def check(self, finding, kind, expected, by, is_freed, access):
        self.assertEqual((finding["kind"], finding["deed"]), expected)
        self.assertEqual(self.function(finding["who"]), by)
        certain = {what: [self.function(code) for code in frames if not code.startswith("likely ")]
                   for what, frames in finding["stacks"].items()}
        self.assertIn(by, [self.function(code) for code in finding["stacks"][access][:2]])
        self.assertEqual(certain["allocated"][:2], ["make", kind], finding)
        self.assertEqual("freed" in certain, is_freed, finding)
        if is_freed:
            self.assertEqual(certain["freed"][:2], ["end", kind], finding)

    def test_an_access_is_named_where_it_happens_and_then_crashes_as_it_would_have(self):
        for thread in ("main", "ai", "io"):
            for kind, (*expected, is_freed) in self.FAULTS.items():
                with self.subTest(kind=kind, thread=thread):
                    # One block of four lies at the start of its pages.
                    code, findings, log = self.misuse(kind, thread=thread, times=4)
                    self.assertNotEqual(code, 0, log)
                    self.assertEqual(len([one for one in findings if one["kind"] == expected[0]]), 1, log)
                    finding = next(one for one in findings if one["kind"] == expected[0])
                    self.check(finding, kind, tuple(expected), kind, is_freed, "access")
                    events = (self.game.folder / "MemoryPoolNVSE.csv").read_text(encoding="utf-8")
                    self.assertIn(f"; {expected[1]}; ", events)
                    self.assertEqual(events.count("finding: 1 "), 3 if is_freed else 2, events)

    def test_wrong_frees_are_named_and_the_game_goes_on(self):
        for thread in ("main", "own", "ai", "io"):
            with self.subTest(thread=thread):
                code, findings, log = self.misuse(",".join(self.FREES), thread=thread)
                self.assertEqual((code, len(findings)), (0, len(self.FREES)), log)
                for (kind, (*expected, by, is_freed)), finding in zip(self.FREES.items(), findings):
                    self.check(finding, kind, tuple(expected), by, is_freed, self.DOORS.get(kind, "free"))

    def found_at(self, one_in, **arguments):
        """Misuses of every kind after which a program can go on: the kinds of findings."""
        kinds = {kind: expected for kind, (expected, *_) in {**self.FAULTS, **self.FREES}.items() if kind != "call_freed"}
        code, findings, log = self.misuse(",".join(kinds), f"iOneIn = {one_in}\nbLetCrash = 0", **arguments)
        self.assertEqual(code, 0, log)
        self.assertEqual({one["who"].split("+")[0] for one in findings}, {"culprit.dll"}, log)
        self.assertEqual({one["kind"] for one in findings} - {"free of what is no live block"}, set(kinds.values()), log)

    def test_every_kind_is_found_when_every_block_is_guarded_and_little_lives(self):
        self.found_at(1, when="load", times=4)

    def test_every_kind_is_found_when_one_block_in_a_thousand_is_guarded_and_it_happens_again_and_again(self):
        self.found_at(1000, times=12000)

    BORDERS = "iOneIn = 1000000\nbBorders = 1"

    def check_border(self, finding, size, seen):
        self.assertEqual((finding["kind"], finding["who"]), ("written behind a block", "not known"))
        written = "byte 0" if size == 1 else f"bytes 0 to {size - 1}"
        self.assertEqual(finding["deed"], f"{written} behind the end of a block of {self.SIZE} bytes overwritten, seen {seen}")
        self.assertEqual(finding["stacks"]["written"][0].split()[:size], ["41"] * min(size, 16))
        self.assertRegex(finding["stacks"]["blocks"][0], rf"^block 0x[0-9A-F]{{8}} of {self.SIZE} bytes$")

    def test_what_is_written_behind_an_ordinary_block_is_told_when_it_is_freed_or_resized(self):
        for size in (1, 13, 32):
            with self.subTest(size=size):
                code, findings, log = self.misuse("write_behind_and_end", self.BORDERS, size=size)
                self.assertEqual((code, len(findings)), (0, 1), log)
                self.check_border(findings[0], size, "at its free")
                self.assertIn("write_behind_and_end", [self.function(code) for code in findings[0]["stacks"]["seen"][:2]])
        code, findings, log = self.misuse("write_behind_and_resize", self.BORDERS)
        self.assertEqual((code, len(findings)), (0, 1), log)
        self.check_border(findings[0], 1, "at its resize")

    def test_what_is_written_behind_a_block_that_stays_is_told_by_a_look_and_at_the_end(self):
        code, findings, log = self.misuse("write_behind", self.BORDERS)
        self.assertEqual((code, len(findings)), (0, 1), log)
        self.check_border(findings[0], 1, "at the end")
        code, findings, log = self.misuse("write_behind", self.BORDERS, frames=60, options=("--console", "mpcheck"))
        self.assertEqual((code, len(findings)), (0, 1), log)
        self.check_border(findings[0], 1, "by MemoryPoolCheck")
        self.assertRegex(self.game.output.replace("\n  ", " "), r"borders of [\d,]+ blocks looked at: 1 were written on")

    def test_what_is_written_behind_a_block_is_told_after_a_loading_screen(self):
        self.add_culprit("write_behind", self.BORDERS)
        done = self.game.start("--session", "1", "--rounds", "1", "--frames", "60", "--scale", "20")
        log = (self.game.folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")
        findings = self.findings(log)
        self.assertEqual((done.returncode, len(findings)), (0, 1), log)
        self.check_border(findings[0], 1, "after a loading screen")

    def test_with_borders_the_scenarios_give_no_finding_and_keep_every_block_intact(self):
        for scenario in ("combat", "scripted", "area-transition"):
            for moment in ({}, {"SkipPreload": 1}):
                with self.subTest(scenario=scenario, moment=moment):
                    code, findings, log = self.misuse(None, self.BORDERS, scenario=scenario, options=("--console", "mpcheck"), **moment)
                    self.assertEqual((code, findings), (0, []), log)
                    self.assertIn("the others have borders", log)

    def test_a_tolerated_module_is_written_down_once_and_goes_on(self):
        code, findings, log = self.misuse("use_after_free", f"sSizes = {self.SIZE}\nsTolerated = a.dll, CULPRIT.dll", times=50)
        self.assertEqual(code, 0, log)
        self.assertEqual([(one["kind"], self.function(one["who"])) for one in findings], [("use after free", "use_after_free")])

    def test_what_the_game_itself_does_after_a_free_is_written_down_and_goes_on(self):
        code, findings, log = self.misuse("by_game", times=50)
        self.assertEqual(code, 0, log)
        self.assertEqual({(one["kind"], one["who"].split("+")[0]) for one in findings}, {("use after free", "FalloutNV.exe")}, log)
        self.assertIn("by_game", [self.function(code) for code in findings[0]["stacks"]["access"]])

    def test_a_place_that_makes_blocks_and_never_frees_them_is_a_leak_candidate(self):
        code, findings, log = self.misuse("leak", frames=500, options=("--console", "MemoryPoolReport leaks"))
        self.assertEqual((code, findings), (0, []), log)
        for told in (log, self.game.output.replace("\n  ", " ")):
            where, blocks = re.search(rf"leak candidate: (\S+): (\d+) guarded blocks of {self.SIZE} bytes on average live", told).groups()
            self.assertEqual(self.function(where), "make")
            self.assertGreater(int(blocks), 500)

    def test_the_scenarios_give_no_finding_and_keep_every_block_intact(self):
        for scenario, one_in in (("combat", 1), ("scripted", 7), ("modded", 50), ("save-load", 50)):
            with self.subTest(scenario=scenario):
                code, findings, log = self.misuse(None, f"iOneIn = {one_in}", scenario=scenario)
                self.assertEqual((code, findings), (0, []), log)
                guarded = int(re.search(r"culprit finder: ([\d,]+) blocks were guarded", log)[1].replace(",", ""))
                self.assertGreater(guarded, 500)

    def test_it_is_off_unless_it_is_asked_for_and_says_when_it_cannot_be_on(self):
        _, _, log = self.game.play(frames=1)
        self.assertNotIn("culprit finder", log)
        self.game.settings("[Main]\nsMode = boundary\n[Diagnose]\nbDiagnose = 1\n")
        _, _, log = self.game.play(frames=1)
        self.assertIn("culprit finder: off; it needs sMode = full", log)


class Dll(unittest.TestCase):
    """The file that ships."""

    def setUp(self):
        self.path = BUILD / "bin" / PLUGIN
        tool = shutil.which("i686-w64-mingw32-objdump") or shutil.which("objdump")
        self.text = subprocess.run([tool, "-p", str(self.path)], capture_output=True, text=True, check=True).stdout

    def test_exports_are_the_three_of_a_plugin_and_no_more(self):
        table = self.text[self.text.index("[Ordinal/Name Pointer] Table"):]
        names = re.findall(r"^\s+\[\s*\d+\]\s+(?:\+base\[\s*\d+\]\s+[0-9a-f]+\s+)?(\S+)$", table, re.MULTILINE)
        self.assertEqual(sorted(names), ["NVSEPlugin_Load", "NVSEPlugin_Preload", "NVSEPlugin_Query"])

    def test_imports_are_the_systems_own(self):
        libraries = {name.lower() for name in re.findall(r"DLL Name: (\S+)", self.text)}
        self.assertLessEqual(libraries, {"kernel32.dll", "msvcrt.dll", "advapi32.dll"})

    def test_base_and_protections(self):
        self.assertRegex(self.text, r"ImageBase\s+10000000")
        self.assertRegex(self.text, r"NX_COMPAT|DllCharacteristics\s+0*100")
        data = self.path.read_bytes()
        headers = struct.unpack_from("<I", data, 0x3C)[0]
        count, optional = struct.unpack_from("<H", data, headers + 6)[0], struct.unpack_from("<H", data, headers + 20)[0]
        for i in range(count):
            flags = struct.unpack_from("<I", data, headers + 24 + optional + 40 * i + 36)[0]
            self.assertFalse(flags & 0x20000000 and flags & 0x80000000, "a section is writable and executable")

    def test_it_loads_elsewhere_when_its_base_is_taken(self):
        data = self.path.read_bytes()
        headers = struct.unpack_from("<I", data, 0x3C)[0]
        self.assertFalse(struct.unpack_from("<H", data, headers + 22)[0] & 1, "relocations are stripped")
        relocations = struct.unpack_from("<I", data, headers + 24 + 96 + 5 * 8 + 4)[0]
        self.assertGreater(relocations, 0, "no relocations")

    def test_no_path_of_the_build_machine_and_a_pdb_beside_it(self):
        self.assertFalse(str(ROOT).encode() in self.path.read_bytes(), "the file names a folder of the build machine")
        self.assertTrue(self.path.with_suffix(".pdb").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
