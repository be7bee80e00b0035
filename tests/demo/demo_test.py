"""The demonstration's own logic, with a runner that only pretends to play.

Usage: demo_test.py [unittest arguments]
"""

import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "demo"))
sys.dont_write_bytecode = True
import limits  # noqa: E402


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
