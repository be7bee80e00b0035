"""names_test.py COMMAND...: paths with letters that no code page has together work as arguments, in the output and in the page."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

COMMAND = sys.argv[1:]
NAMES = ("Fallout™", "Spiele für mich", "Фоллаут", "游戏 🎮")
SESSION = 'ms,event,frames,frame ms\n0,"start: 2026-01-02 03:04:05 UTC"\n0,,,\n1000,,60,1000\n1000,"end: in order"\n'


def run(*arguments):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, check=False)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


class Names(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def session_in(self, name):
        (self.folder / name).mkdir()
        path = self.folder / name / f"{name}.csv"
        path.write_text(SESSION, encoding="utf-8")
        return path

    def test_of_a_session_work_from_end_to_end(self):
        for name in NAMES:
            with self.subTest(name):
                session = self.session_in(name)
                code, out, errors = run("report", session)
                self.assertEqual((code, errors), (0, ""))
                self.assertIn(f"{name}.html", out)
                self.assertIn(f"{name}.csv", session.with_suffix(".html").read_text(encoding="utf-8"))

    def test_of_an_executable_a_page_and_a_file_that_is_missing_are_said_as_they_are(self):
        session = self.session_in(NAMES[3])
        program = session.with_suffix(".exe")
        program.write_bytes(b"no program")
        code, out, errors = run("check", program)
        self.assertEqual((code, errors), (4, ""))
        self.assertIn(program.name, out)
        page = self.folder / f"{NAMES[2]}.html"
        code, _, errors = run("compare", session, session, "-o", page)
        self.assertEqual((code, errors), (0, ""))
        self.assertTrue(page.is_file())
        code, _, errors = run("report", self.folder / f"{NAMES[0]}.csv")
        self.assertEqual(code, 3)
        self.assertIn(f"{NAMES[0]}.csv: ", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
