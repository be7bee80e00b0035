"""dropped_test.py EXE|- COMMAND...: `mpnvse FILE` does the right thing for a session, an executable and a folder. EXE is the
stand-in's executable, - where there is none."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

EXE, COMMAND = sys.argv[1], sys.argv[2:]
SESSION = ('ms,event,frames,frame ms\n0,"start: 2026-01-02 03:04:05 UTC"\n0,"verdict: all is {}"\n0,,,\n1000,,60,1000\n'
           '1000,"end: in order"\n')


def run(*arguments):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, check=False)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


class Dropped(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.game = pathlib.Path(folder.name) / "Fallout New Vegas"
        self.game.mkdir()

    def put(self, name, text):
        path = self.game / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def test_a_session_whatever_its_name_gets_its_page(self):
        session = self.put("old.txt", SESSION.format("well"))
        code, out, errors = run(session)
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("all is well", out)
        self.assertIn("old.html", out.splitlines()[-1])
        self.assertTrue(session.with_suffix(".html").is_file())

    def test_an_executable_is_checked(self):
        code, out, _ = run(self.put("game.bin", "MZ and no more"))
        self.assertEqual(code, 5)
        self.assertIn("truncated", out)

    def test_something_else_is_neither(self):
        code, _, errors = run(self.put("notes.csv", "a,b\n"))
        self.assertEqual(code, 1)
        self.assertIn("neither a session nor a program", errors)
        self.assertEqual(run(self.game / "none")[0], 3)
        code, _, errors = run(self.game)
        self.assertEqual(code, 1)
        self.assertIn("neither FalloutNV.exe nor a session", errors)

    def test_a_folder_gives_all_its_sessions_where_the_plugin_writes_them_and_its_executable(self):
        self.put("Data/NVSE/nvse_config.ini", '[logging]\nsPluginLogPath = "Data\\NVSE\\Logs\\"\n')
        logs = self.game / "Data/NVSE/Logs"
        self.put("Data/NVSE/Logs/MemoryPoolNVSE.csv", SESSION.format("of today"))
        before = self.put("Data/NVSE/Logs/MemoryPoolNVSE.previous.csv", SESSION.format("of yesterday"))
        os.utime(before, (1, 1))
        self.put("MemoryPoolNVSE.csv", SESSION.format("of last week"))
        os.utime(self.game / "MemoryPoolNVSE.csv", (0, 0))
        self.put("others.csv", SESSION.format("of another"))
        if EXE != "-":
            shutil.copy2(EXE, self.game / "FalloutNV.exe")
        # A folder inside the game's leads to the same.
        for folder in (self.game, logs) if EXE != "-" else (self.game,):
            code, out, errors = run(folder)
            self.assertEqual((code, errors), (0, ""))
            self.assertLess(out.index("of today"), out.index("of yesterday"))
            self.assertLess(out.index("of yesterday"), out.index("of last week"))
            self.assertNotIn("of another", out)
            self.assertEqual("17 of 17 functions would be replaced" in out, EXE != "-")
        self.assertTrue((logs / "MemoryPoolNVSE.html").is_file())
        self.assertTrue((logs / "MemoryPoolNVSE.previous.html").is_file())
        self.assertTrue((self.game / "MemoryPoolNVSE.html").is_file())

    def test_nothing_at_all_is_wrong_usage(self):
        code, out, _ = run()
        self.assertEqual(code, 2)
        self.assertIn("FILE", out)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
