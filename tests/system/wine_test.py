"""wine_test.py SOURCE CACHE PROGRAM FOLDER: scripts/wine of a checkout whose path has blanks and letters beyond ASCII runs a
program there, whatever the locale. PROGRAM is mpnvse.exe; the checkout is made in FOLDER, with links to CACHE's Wine."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

SOURCE, CACHE, PROGRAM, FOLDER = map(pathlib.Path, sys.argv[1:])
NAME = "Spiele für 游戏 ™"


class Wine(unittest.TestCase):
    def setUp(self):
        self.root = FOLDER / NAME
        shutil.rmtree(self.root, ignore_errors=True)
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        shutil.copytree(SOURCE / "scripts", self.root / "scripts")
        shutil.copytree(CACHE / "wine", self.root / ".cache/wine", symlinks=True, copy_function=os.link)
        shutil.copy2(PROGRAM, self.root / f"{NAME}.exe")
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("MP_WINE", "MP_CACHE", "LC_", "LANG"))}
        self.addCleanup(subprocess.run, [self.root / "scripts/wine-stop"], env=self.environment, check=False)

    def test_runs_a_program_there(self):
        for locale in ({}, {"LC_ALL": "C"}, {"LANG": "C.UTF-8"}):
            done = subprocess.run([self.root / "scripts/wine", self.root / f"{NAME}.exe", "report", self.root / f"{NAME}.csv"],
                                  env=dict(self.environment, **locale), capture_output=True, check=False)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"{NAME}.csv: ", done.stderr.decode("utf-8"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
