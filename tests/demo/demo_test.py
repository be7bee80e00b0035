"""The demonstration's own logic, with a runner that only pretends to play.

Usage: demo_test.py [unittest arguments]
"""

import contextlib
import copy
import io
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "demo"))
sys.dont_write_bytecode = True
import demo  # noqa: E402
import limits  # noqa: E402
import report  # noqa: E402
import tables  # noqa: E402
import targets  # noqa: E402

# What ./run wrote on 2026-11-29 with all sides, without the targets; figures rounded.
RECORDED = json.loads((ROOT / "tests" / "demo" / "summary.json").read_text(encoding="utf-8"))


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.summary = copy.deepcopy(RECORDED)
        self.summary["targets"] = targets.targets(*(self.summary[key] for key in (
            "patterns", "doors", "stale", "freed", "scenarios", "sides")))

    def test_it_ends_with_ten_lines_that_say_speed_kernel_calls_memory_and_what_was_missed_and_why(self):
        lines = report.full_report(self.summary)[-10:]
        self.assertEqual(lines, report.ten_lines(self.summary))
        for line, start in zip(lines[0:6:2], ("Speed, full: ", "Kernel calls, full: ", "Memory, full: ")):
            self.assertRegex(line, rf"^{start}.*\d")
        for theme, line in zip((targets.SPEED, targets.KERNEL, targets.MEMORY), lines[1:6:2]):
            rows = [row for row in self.summary["targets"] if row["theme"] == theme]
            missed = [row for row in rows if not row["met"]]
            self.assertIn(f"missed {len(missed)} of {len(rows)}: " if missed else f"all targets met ({len(rows)})", line)
            self.assertTrue(not missed or any(row["why"] in line for row in missed), line)
        self.assertEqual(lines[7:], ["patch count 17", "active 1", "report: build/run/reports/full.html"])

    def test_no_line_is_longer_than_100_columns_and_all_sides_are_there(self):
        lines = report.full_report(self.summary)
        self.assertEqual([line for line in lines if len(line) > 100], [])
        for side in RECORDED["sides"]:
            self.assertIn(side, " ".join(lines))

    def test_the_overview_is_one_table(self):
        columns, rows = report.overview(self.summary)
        self.assertEqual(len(rows), len(RECORDED["scenarios"]))
        self.assertEqual(sum(line.startswith("  --") for line in report.overview_table(self.summary)), 1)
        self.assertTrue(all(len(row) == len(columns) for row in rows))

    def test_when_no_target_is_missed_it_says_so(self):
        for row in self.summary["targets"]:
            row["met"] = True
        text = "\n".join(report.ten_lines(self.summary))
        self.assertEqual(text.count("all targets met"), 4)
        self.assertNotIn("missed", text)

    def test_what_was_not_played_has_no_figure(self):
        for key in ("scenarios", "targets"):
            self.summary[key] = []
        lines = report.ten_lines(self.summary)
        self.assertEqual(len(lines), 10)
        for line in lines[:6]:
            self.assertIsNone(re.search(r"\d", line), line)

    def test_a_side_stands_in_for_full_mode_where_that_was_not_played(self):
        self.summary["sides"] = ["off", "scrap"]
        self.assertTrue(report.ten_lines(self.summary)[0].startswith("Speed, scrap: "))

    def test_the_tables_are_in_the_file_and_on_the_terminal_only_when_asked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            for verbose in (False, True):
                with contextlib.redirect_stdout(io.StringIO()) as out, unittest.mock.patch.object(demo, "RUN", pathlib.Path(folder)):
                    demo.show(self.summary, verbose)
                self.assertEqual(out.getvalue().splitlines()[-10:], report.ten_lines(self.summary))
                self.assertEqual("Patterns: kernel calls" in out.getvalue(), verbose)
                self.assertIn("Patterns: kernel calls", (pathlib.Path(folder) / "report.txt").read_text(encoding="utf-8"))

    def test_columns_that_do_not_fit_beside_each_other_go_into_a_second_table_and_none_is_lost(self):
        table = tables.Table("A title " * 20, ["name", *(f"column {i}" for i in range(30))])
        table.add(["a name that is so long that it is wrapped in its cell", *(str(i) for i in range(30))])
        lines = table.lines()
        self.assertLessEqual(max(map(len, lines)), tables.WIDTH)
        self.assertEqual(re.findall(r"column \d+", " ".join(lines)), [f"column {i}" for i in range(30)])

    def test_numbers_have_three_digits(self):
        self.assertEqual([tables.three(value) for value in (0, 0.123, 1.234, 12.34, 123.4, 1234.5, 9.996, 99.96)],
                         ["0.00", "0.12", "1.23", "12.3", "123", "1,234", "10.0", "100"])


class StepsTest(unittest.TestCase):
    def plan(self, rate, quick=False):
        options = unittest.mock.Mock(sides=["off", "full"], repeat=3, quick=quick)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            steps = demo.plan(options, ["combat", "strip"], rate, started=0)
        return steps, out.getvalue()

    def test_steps_runs_and_time_are_said_before_anything_is_played_and_the_time_is_called_an_estimate(self):
        steps, text = self.plan(rate=None)
        self.assertEqual((steps.count, steps.runs), (5, 3 * 2 * 3 + 2))
        self.assertRegex(text, r"^5 steps with 20 runs and two sessions; estimate: \d+ min, as on two cores with an emulator")

    def test_the_last_run_here_is_the_better_estimate(self):
        self.assertIn("estimate: 24 min, as in the last ./run here", self.plan(rate=60)[1])

    def test_what_was_never_measured_has_no_estimate_until_the_first_step_is_over(self):
        steps, text = self.plan(rate=None, quick=True)
        self.assertIn("the time is not known yet", text)
        self.assertNotIn("min", text)
        steps.begun = demo.time.monotonic() - 60
        with contextlib.redirect_stdout(io.StringIO()) as out:
            steps.begin("one", 10)
            steps.begin("two", 10)
        first, second = out.getvalue().splitlines()
        self.assertNotIn("left", first)
        self.assertRegex(second, r"step 2 of 5: two \(about 1\d\d s left\)|step 2 of 5: two \(about 2 min left\)")


class LinkerTest(unittest.TestCase):
    """scripts/ld-bfd before a linker that only pretends to link."""

    def link(self, code):
        with tempfile.TemporaryDirectory() as folder:
            linker = pathlib.Path(folder) / "i686-w64-mingw32-ld"
            linker.write_text("#!/bin/sh\necho to standard output\n"
                              "echo \"a.a(b.o): duplicate section \\`.rdata\\$_ZTSSt9exception[__ZTSSt9exception]' has different "
                              "size\" >&2\necho \"a.o: undefined reference to \\`f'\" >&2\n" f"exit {code}\n", encoding="utf-8")
            linker.chmod(linker.stat().st_mode | stat.S_IXUSR)
            environment = dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
            return subprocess.run([str(ROOT / "scripts" / "ld-bfd")], env=environment, capture_output=True, text=True,
                                  check=False)

    def test_only_remarks_on_names_of_types_are_left_out_and_the_exit_code_is_the_linkers(self):
        for code in (0, 1):
            done = self.link(code)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (code, "to standard output\n", "a.o: undefined reference to `f'\n"))


class Game:
    """Survives from a size on, and takes a second of a clock of its own for each run."""

    def __init__(self, needs):
        self.needs = needs
        self.now = 0
        self.runs = []

    def play(self, side, size, scenario, seed, seconds):
        self.runs.append((side, size, scenario, seed))
        self.now += min(1, seconds)
        return None if size >= self.needs[side] else "exit code 5"

    def sweep(self, seconds=10000, runs=2, scenarios=("a", "b")):
        return limits.Sweep(self.play, list(self.needs), list(scenarios), runs, seconds, tell=lambda text: None,
                            clock=lambda: self.now)


class LimitsTest(unittest.TestCase):
    def test_finds_the_smallest_size_that_survives_wherever_it_lies(self):
        sizes = list(range(limits.SMALLEST_MB, limits.LARGEST_MB + 1, limits.STEP_MB))
        for size in sizes:
            result = Game({"full": size}).sweep().run()["full"]
            self.assertEqual((result["complete"], result["survives"]), (True, size))
            self.assertEqual(result["dies"], size - limits.STEP_MB if size != sizes[0] else None)
            self.assertEqual(limits.finding(result), f"{size} MB" + (" or less" if size == sizes[0] else ""))

    def test_says_when_the_largest_size_does_not_survive(self):
        result = Game({"off": limits.LARGEST_MB + 1}).sweep().run()["off"]
        self.assertEqual((result["complete"], result["survives"], result["dies"]), (True, None, limits.LARGEST_MB))
        self.assertEqual(limits.finding(result), f"more than {limits.LARGEST_MB} MB")

    def test_a_size_survives_only_when_every_run_of_every_scenario_does(self):
        class Sometimes(Game):
            def play(self, side, size, scenario, seed, seconds):
                good = super().play(side, size, scenario, seed, seconds)
                return "hangs" if (size, scenario, seed) == (600, "b", 3) else good

        result = Sometimes({"full": 600}).sweep(runs=3).run()["full"]
        self.assertEqual((result["survives"], result["dies"]), (650, 600))
        self.assertEqual(result["reasons"][600], "b, run 3: hangs")

    def test_nothing_more_is_played_once_a_run_has_failed(self):
        game = Game({"off": limits.LARGEST_MB + 1})
        game.sweep(runs=3).run()
        self.assertEqual({seed for _, _, _, seed in game.runs}, {1})
        self.assertEqual({scenario for _, _, scenario, _ in game.runs}, {"a"})

    def test_few_runs_are_needed(self):
        game = Game({"off": 700})
        game.sweep(runs=1, scenarios=["a"]).run()
        self.assertLessEqual(len(game.runs), 4)

    def test_when_time_is_over_each_side_says_what_is_known_and_claims_no_more(self):
        game = Game({"off": 700, "full": 400})
        results = game.sweep(seconds=10).run()
        self.assertLessEqual(game.now, 10)
        for side, needs in game.needs.items():
            result = results[side]
            self.assertFalse(result["complete"])
            self.assertTrue(result["survives"] is None or result["survives"] >= needs)
            self.assertTrue(result["dies"] is None or result["dies"] < needs)
            self.assertIn("time was over", limits.finding(result))
        self.assertEqual(results["full"]["survives"], 650, "the sides take turns")

    def test_a_run_that_the_end_of_the_time_cuts_off_counts_neither_way(self):
        class Slow(Game):
            def play(self, side, size, scenario, seed, seconds):
                self.now += seconds
                return "exit code 124"

        result = Slow({"off": 300}).sweep(seconds=50).run()["off"]
        self.assertEqual((result["survives"], result["dies"], result["reasons"]), (None, None, {}))

    def test_a_run_that_hangs_is_no_survivor_and_the_search_goes_on(self):
        class Hanging(Game):
            def play(self, side, size, scenario, seed, seconds):
                self.now += seconds if size < 500 else 1
                return "exit code 124" if size < 500 else None

        result = Hanging({"off": 500}).sweep().run()["off"]
        self.assertEqual((result["complete"], result["survives"], result["dies"]), (True, 500, 450))


class HelpTest(unittest.TestCase):
    def test_help_names_the_options_and_does_nothing_else(self):
        for option in ("--help", "-h"):
            done = subprocess.run([str(ROOT / "run"), option], capture_output=True, text=True, check=False, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("--limits-minutes", done.stdout)
            self.assertNotIn("[run]", done.stdout + done.stderr)
            self.assertNotIn("[setup]", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
