"""The benchmark tells the truth: its statistics, its checks of contents, and a run of everything in small.

Usage: bench_test.py BUILD_FOLDER [unittest arguments]
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True
import bench  # noqa: E402
import figures  # noqa: E402
import plans  # noqa: E402
import report  # noqa: E402

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else ROOT / "build" / "bench32"
PROGRAMS = BUILD / "bin"
IS_WINDOWS = (PROGRAMS / "bench_mp.exe").exists()
HAS_64_BITS = bench.bits(bench.parse_arguments(["--build-dir", str(BUILD)])) == 64
#: The two that come from elsewhere may be missing where they cannot be fetched.
SIDES = [side for side in plans.ALL if side not in ("mimalloc", "jemalloc") or (PROGRAMS / f"bench_{side}").exists()]


def session(side, seed, cpu_ns, **more):
    return {"kind": "session", "side": side, "workload": "small", "threads": 1, "seed": seed, "cpu_ns": cpu_ns} | more


def call(side, *arguments):
    """One program of the benchmark; its line of JSON."""
    options = bench.parse_arguments(["--build-dir", str(BUILD), "--windows-dir", str(BUILD)])
    job = plans.Job("", side, arguments, {}, tool="wine" if IS_WINDOWS else "")
    done = subprocess.run(bench.command(job, options, {}), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{side} {arguments}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


class FiguresTest(unittest.TestCase):
    def test_a_ratio_compares_the_same_round_only(self):
        found = figures.Figures([session("mp", 1, 10), session("rpmalloc", 1, 20), session("mp", 2, 100),
                                 session("rpmalloc", 2, 100), session("mp", 3, 90), session("rpmalloc", 3, 100)])
        self.assertAlmostEqual(found.median_ratio(figures.cpu, "mp", "rpmalloc", workload="small"), 0.9)

    def test_rounds_without_a_partner_do_not_count(self):
        found = figures.Figures([session("mp", 1, 10), session("mp", 2, 999), session("rpmalloc", 1, 40)])
        self.assertAlmostEqual(found.median_ratio(figures.cpu, "mp", "rpmalloc"), 0.25)
        self.assertIsNone(found.median_ratio(figures.cpu, "mp", "glibc"))

    def test_failed_measurements_do_not_count(self):
        found = figures.Figures([session("mp", 1, 10), session("mp", 2, 1, error="timeout"),
                                 session("mp", 3, 1, started=False)])
        self.assertEqual(found.median(figures.cpu, side="mp"), 10)

    def test_a_check_is_met_up_to_its_limit_and_not_beyond(self):
        self.assertTrue(figures.Check("", 1.0, 1.0).is_met)
        self.assertFalse(figures.Check("", 1.0, 1.001).is_met)
        self.assertEqual(figures.Check("", 1.0, None).verdict, "not measured")

    def test_the_original_is_compared_with_among_windows_programs_alone(self):
        found = [session("mp", 1, 100), session("original", 1, 100), session("mp", 1, 100, kind="windows"),
                 session("original", 1, 400, kind="windows")]
        self.assertAlmostEqual(figures.cpu_check(figures.Figures(found), "small", 1, 0.75).value, 0.25)

    def test_the_best_peer_counts_and_the_worst_case(self):
        found = figures.Figures([session("mp", 1, 100), session("glibc", 1, 200), session("mimalloc", 1, 80)])
        check = figures.peer_check(found, ("small",), 1.05)
        self.assertAlmostEqual(check.value, 1.25)
        self.assertIn("mimalloc", check.note)

    def test_the_worst_row_of_an_exchange_counts_within_its_sizes(self):
        def exchange(side, high, cpu_ns):
            return session(side, 1, cpu_ns, kind="exchange", workload=f"to {high}", high=high)

        found = figures.Figures([exchange("mp", 1000, 100), exchange("rpmalloc", 1000, 50), exchange("mp", 8000, 90),
                                 exchange("rpmalloc", 8000, 100), exchange("mp", 9000, 110), exchange("rpmalloc", 9000, 100)])
        self.assertAlmostEqual(figures.exchange_check(found, "", 1, "rpmalloc", (0, 1000)).value, 2.0)
        check = figures.exchange_check(found, "", 1, "rpmalloc", (1000, 9000))
        self.assertAlmostEqual(check.value, 1.1)
        self.assertIn("to 9000", check.note)
        self.assertIsNone(figures.exchange_check(found, "", 1, "live_bits", (0, 9000)).value)

    def test_one_failed_allocation_in_any_round_misses_the_target(self):
        rounds = [{"kind": "limit", "side": "mp", "factor": 1.3, "failed": failed, "seed": seed}
                  for seed, failed in enumerate((0, 0, 1))]
        check = figures.failure_check(figures.Figures(rounds), "", kind="limit", factor=1.30)
        self.assertEqual(check.verdict, "missed")

    def test_every_target_is_named_once(self):
        titles = [check.title for check in figures.checks(figures.Figures([]))]
        self.assertEqual(len(titles), len(set(titles)))
        self.assertEqual({check.verdict for check in figures.checks(figures.Figures([]))}, {"not measured"})


class ReportTest(unittest.TestCase):
    def test_instructions_are_the_slope_less_the_empty_loop(self):
        def counted(side, mode, count, instructions):
            return {"kind": "instructions", "side": side, "mode": mode, "size": 64, "count": count,
                    "instructions": instructions}

        found = figures.Figures([counted("mp", "empty", 100, 1000), counted("mp", "empty", 200, 1800),
                                 counted("glibc", "pair", 100, 5000), counted("glibc", "pair", 200, 15800)])
        self.assertAlmostEqual(report.instructions_per_pair(found, "glibc", "pair", 64), 100)

    def test_only_what_stands_between_the_markers_is_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "document.md"
            path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
            self.assertTrue(report.update_document(path, "new"))
            self.assertTrue(report.update_document(path, "newer"))
            self.assertEqual(path.read_text(encoding="utf-8"), f"before\n{report.BEGIN}\nnewer\n{report.END}\nafter\n")

    def test_a_document_without_markers_stays_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "document.md"
            path.write_text("text\n", encoding="utf-8")
            self.assertFalse(report.update_document(path, "new"))
            self.assertEqual(path.read_text(encoding="utf-8"), "text\n")

    def test_the_performance_document_has_the_markers(self):
        document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        self.assertLess(document.index(report.BEGIN), document.index(report.END))


class OutputTest(unittest.TestCase):
    def test_a_batch_counts_by_its_blocks(self):
        document = {"benchmarks": [{"name": "batch/64", "run_type": "iteration", "cpu_time": 5000.0, "real_time": 6000.0,
                                    "per_iteration": 1000.0}]}
        self.assertEqual(list(bench.micro_lines(document)), [{"name": "batch/64", "ns": 5.0}])
        self.assertEqual(list(bench.micro_lines(document, "real_time")), [{"name": "batch/64", "ns": 6.0}])

    def test_lost_contents_are_a_problem(self):
        self.assertEqual(len(bench.problems([session("glibc", 1, 1, corrupt=3)])), 1)
        self.assertEqual(bench.problems([session("glibc", 1, 1, corrupt=0, leaked=0)]), [])

    def test_an_interrupted_run_reports_what_it_has(self):
        jobs = plans.jobs(plans.QUICK, ["sessions"])[:3]
        answers = iter([[session("mp", 1, 1)], KeyboardInterrupt()])

        def answer(*_):
            value = next(answers)
            if isinstance(value, BaseException):
                raise value
            return value

        with mock.patch.object(bench, "run_job", answer), contextlib.redirect_stderr(io.StringIO()):
            found, is_complete = bench.run_all(jobs, None)
        self.assertEqual((len(found), is_complete), (1, False))

    def test_a_side_that_does_not_end_is_waited_for_once(self):
        jobs = [plans.Job("heaps", "mimalloc", (), {"seed": seed}) for seed in (1, 2, 3)]
        calls = []

        def answer(job, *_):
            calls.append(job)
            return [{"kind": job.kind, "side": job.side, **job.case, "error": f"{bench.TOO_LONG} 1 s"}]

        with mock.patch.object(bench, "run_job", answer), contextlib.redirect_stderr(io.StringIO()):
            found, is_complete = bench.run_all(jobs, None)
        self.assertEqual((len(calls), len(found), is_complete), (1, 1, True))

    def test_a_side_starts_no_two_rounds_first(self):
        firsts = [next(iter(plans.rotated(plans.ALL, seed))) for seed in range(1, 6)]
        self.assertEqual(len(firsts), len(set(firsts)))

    def test_every_part_of_both_extents_has_jobs(self):
        for extent in (plans.QUICK, plans.FULL):
            for part in plans.PARTS:
                self.assertTrue(plans.jobs(extent, [part]), part)


class HarnessTest(unittest.TestCase):
    SMALL = ("--scale", "2", "--frames", "30")

    @unittest.skipIf(not IS_WINDOWS, "the stand-in is a Windows program")
    def test_the_stand_in_itself_plays_every_session(self):
        for workload in ("small", "mix", "long"):
            with self.subTest(workload=workload):
                line = call("original", "session", workload, "--threads", "4", *self.SMALL)
                self.assertEqual((line["corrupt"], line["leaked"], line["failed"]), (0, 0, 0))

    def test_a_side_that_hands_out_memory_in_use_is_found_out(self):
        for play in (("session", "small"), ("scenario", "combat")):
            self.assertGreater(call("broken", *play, *self.SMALL)["corrupt"], 0, play)

    def test_every_session_ends_with_everything_freed_and_intact(self):
        for workload in ("small", "mix", "long", "heaps"):
            for threads in (1, 4):
                with self.subTest(workload=workload, threads=threads):
                    line = call("mp", "session", workload, "--threads", str(threads), *self.SMALL)
                    self.assertEqual((line["corrupt"], line["leaked"], line["failed"]), (0, 0, 0))
                    self.assertGreater(line["operations"], 1000)
                    self.assertGreater(line["peak_live"], line["trimmed"]["live"])
                    self.assertGreaterEqual(line["peak_reserved"], line["peak_committed"])

    def test_the_same_seed_asks_every_side_for_the_same(self):
        lines = [call(side, "session", "long", "--threads", "4", *self.SMALL) for side in ("mp", "rpmalloc")]
        self.assertEqual(lines[0]["operations"], lines[1]["operations"])
        self.assertEqual(lines[0]["peak_live"], lines[1]["peak_live"])

    def test_another_seed_asks_for_something_else(self):
        lines = [call("mp", "session", "small", "--seed", seed, *self.SMALL) for seed in ("1", "2")]
        self.assertNotEqual(lines[0]["peak_live"], lines[1]["peak_live"])

    def test_every_scenario_plays(self):
        for name in plans.SCENARIOS:
            with self.subTest(scenario=name):
                line = call("mp", "scenario", name, *self.SMALL)
                self.assertEqual((line["corrupt"], line["leaked"], line["failed"]), (0, 0, 0))
                self.assertGreater(line["operations"], 1000)

    @unittest.skipIf(IS_WINDOWS, "Windows cannot limit a process's address space")
    def test_a_limit_on_the_address_space_makes_allocations_fail(self):
        line = call("glibc", "session", "mix", "--scale", "10", "--frames", "5", "--limit", str(8 << 20))
        self.assertGreater(line["failed"], 0)
        self.assertEqual((line["corrupt"], line["leaked"]), (0, 0))

    @unittest.skipIf(IS_WINDOWS or HAS_64_BITS, "done with mmap, in 4 GB")
    def test_a_shattered_space_has_no_hole_for_a_large_block(self):
        arguments = ("session", "mix", "--scale", "20", "--frames", "30", "--hole", str(2 << 20), "--holes", str(512 << 20))
        line = call("glibc", *arguments)
        self.assertGreater(line["failed"], 0)
        self.assertGreaterEqual(line["shattered_free"], 512 << 20)
        self.assertEqual(call("glibc", *arguments, "--largest", str(1 << 20))["failed"], 0)


class QuickRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        out = pathlib.Path(cls.folder.name)
        command = [sys.executable, str(ROOT / "bench" / "bench.py"), "--quick", "--build-dir", str(BUILD), "--out", str(out)]
        for part in plans.PARTS:
            command += ["--part", part] if part != "windows" else []
        cls.done = subprocess.run(command, capture_output=True, text=True, check=False)
        cls.out = out
        cls.results = json.loads((out / "results.json").read_text(encoding="utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def of(self, **wanted):
        return [m for m in self.results["measurements"] if all(m.get(key) == value for key, value in wanted.items())]

    def test_it_succeeds(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)

    def test_every_side_plays_every_session_intact(self):
        for side in SIDES:
            for workload in ("small", "mix", "long"):
                found = self.of(kind="session", side=side, workload=workload)
                self.assertEqual(len(found), len(plans.QUICK.threads), (side, workload))
                for m in found:
                    self.assertNotIn("error", m)
                    self.assertEqual((m["failed"], m["corrupt"], m["leaked"]), (0, 0, 0), (side, workload))

    def test_every_side_exchanges_blocks_intact(self):
        for side in (*SIDES, figures.LIVE_BITS):
            found = self.of(kind="exchange", side=side)
            self.assertEqual(len(found), 3 * len(plans.QUICK.exchanges), side)
            for m in found:
                self.assertNotIn("error", m)
                self.assertEqual((m["failed"], m["corrupt"]), (0, 0), side)
                self.assertGreater(m["operations"], 10000)

    def test_every_side_plays_every_scenario_intact(self):
        for side in SIDES:
            for name in plans.SCENARIOS:
                (m,) = self.of(kind="scenario", side=side, workload=name)
                self.assertEqual((m["failed"], m["corrupt"], m["leaked"]), (0, 0, 0), (side, name))

    def test_every_kind_of_measurement_has_its_numbers(self):
        needed = {"session": ("cpu_ns", "peak_live", "peak_reserved", "peak_committed", "page_faults", "main_cpu", "trimmed"),
                  "limit": ("failed", "factor"), "shattered": ("failed", "shattered_free"), "heaps": ("cpu_ns",),
                  "idle": ("reserved", "committed"), "micro": ("name", "ns"), "remote": ("ns",), "fresh": ("ns_per_page",)}
        for kind, keys in needed.items():
            if HAS_64_BITS and kind in bench.FOR_32_BITS:
                continue
            found = self.of(kind=kind, side="mp")
            self.assertTrue(found, kind)
            for key in keys:
                self.assertIn(key, found[0], kind)

    def test_every_target_gets_a_value_that_needs_no_windows_program(self):
        without = [check["title"] for check in self.results["checks"] if check["verdict"] == "not measured"]
        elsewhere = ("CPU to the original's", "holes of at most 8 MB") if HAS_64_BITS else ("CPU to the original's",)
        self.assertEqual([title for title in without if not title.endswith(elsewhere)], [])

    def test_tables_and_charts_are_written(self):
        text = (self.out / "tables.md").read_text(encoding="utf-8")
        for title in ("Targets", "Sessions", "Memory", "Scarce address space", "Single calls", "Many threads"):
            self.assertIn(f"### {title}\n", text)
        self.assertEqual(sorted(path.stem for path in self.out.glob("*.svg")), sorted(report.CHARTS))
        for path in self.out.glob("*.svg"):
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"<script[^>]*(src|href)=")


if __name__ == "__main__":
    unittest.main()
