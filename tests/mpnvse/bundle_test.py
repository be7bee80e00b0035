"""bundle_test.py COMMAND...: `mpnvse bundle` packs what somebody needs to find a fault, names no user, and says what is
missing."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

COMMAND = sys.argv[1:]
SESSION = ('ms,event,frames\n0,"start: 2026-01-02 03:04:05 UTC"\n0,"setting x: C:\\Users\\Ann Other\\x ""quoted"""\n0,,\n'
           '1000,"module FalloutNV.exe: game; 1.4.0.525; 0x00400000"\n1000,"module jip_nvse.dll: plugin; ; 0x10000000"\n')


class Bundle(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.game = self.folder / "game"
        self.game.mkdir()

    def put(self, name, text, age=0):
        path = self.game / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        os.utime(path, (1_750_000_000 - age, 1_750_000_000 - age))

    def bundle(self, *arguments):
        done = subprocess.run([*COMMAND, "bundle", *map(str, arguments)], capture_output=True, check=False, cwd=self.folder)
        self.out, self.errors = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        return done.returncode

    def unpack(self, name):
        with zipfile.ZipFile(self.folder / name) as packed:
            self.assertIsNone(packed.testzip())
            return {one.filename: packed.read(one) for one in packed.infolist()}

    def test_holds_all_that_is_needed_and_the_newest_log_of_a_crash(self):
        self.put("MemoryPoolNVSE.log", "log")
        self.put("MemoryPoolNVSE.previous.log", "log before")
        self.put("MemoryPoolNVSE.csv", SESSION)
        self.put("MemoryPoolNVSE.previous.csv", SESSION)
        self.put("MemoryPoolNVSE.html", "a page")
        self.put("Data/nvse/plugins/MemoryPoolNVSE.ini", "[Main]\n")
        self.put("Data/nvse/plugins/MemoryPoolNVSE.dll", "MZ")
        self.put("Data/nvse/plugins/other.ini", "")
        self.put("nvse.log", "extender")
        self.put("CrashLogger.log", "no crash", age=100)
        self.put("Crash Logs/CrashLogger.2.log", "newest")
        self.put("Crash Logs/CrashLogger.1.log", "older", age=50)
        self.assertEqual(self.bundle(self.game, "-o", self.folder / "to send.zip"), 0, self.errors)
        files = self.unpack("to send.zip")
        self.assertEqual(set(files), {
            "game/MemoryPoolNVSE.log", "game/MemoryPoolNVSE.previous.log", "game/MemoryPoolNVSE.csv",
            "game/MemoryPoolNVSE.previous.csv", "game/Data/NVSE/Plugins/MemoryPoolNVSE.ini", "game/nvse.log",
            "crash/CrashLogger.2.log", "modules.txt", "contents.txt"})
        self.assertEqual(files["game/MemoryPoolNVSE.log"], b"log")
        self.assertIn(b"FalloutNV.exe: game; 1.4.0.525; 0x00400000\njip_nvse.dll: plugin", files["modules.txt"])
        for name in files:
            self.assertIn(name.encode(), files["contents.txt"] + b"contents.txt")
            self.assertIn(name, self.out + "contents.txt")
        self.assertNotIn("not found", self.out)
        self.assertIn("to send.zip", self.out.splitlines()[-1])
        with zipfile.ZipFile(self.folder / "to send.zip") as packed:
            self.assertEqual(packed.getinfo("game/nvse.log").date_time[0], 2025)

    def test_names_no_user_in_any_encoding(self):
        text = 'C:\\Users\\Jürgen Ähm\\x and /home/ann/y\r\n'
        plain = "C:\\Users\\<user>\\x and /home/<user>/y\r\n"
        for encoding, mark in (("utf-8", b""), ("utf-8-sig", b""), ("cp1252", b""), ("utf-16-le", b"\xff\xfe"),
                               ("utf-16-be", b"\xfe\xff"), ("utf-16-le", b"")):
            self.put("MemoryPoolNVSE.log", mark + text.encode(encoding))
            self.put("MemoryPoolNVSE.csv", SESSION)
            self.assertEqual(self.bundle(self.game), 0, self.errors)
            files = self.unpack("MemoryPoolNVSE-bundle.zip")
            self.assertEqual(files["game/MemoryPoolNVSE.log"], mark + plain.encode(encoding), encoding)
            self.assertIn(b'C:\\Users\\<user>\\x ""quoted""', files["game/MemoryPoolNVSE.csv"])

    def test_says_what_is_not_there_and_what_cannot_be_read(self):
        self.put("MemoryPoolNVSE.csv", 'ms,event,frames\n0,"start: x"\n')
        self.put("nvse.log", "")
        os.truncate(self.game / "nvse.log", (1 << 30) + 1)
        self.assertEqual(self.bundle(self.game), 0, self.errors)
        missing, unreadable = self.out.split("not found")[1].split("not readable")
        for what in ("log of MemoryPoolNVSE", "MemoryPoolNVSE.ini", "nvse.log", "log of CrashLogger", "list of modules"):
            self.assertIn(what, missing)
        self.assertNotIn("session of MemoryPoolNVSE", missing)
        self.assertIn("nvse.log: too large", unreadable)
        self.assertIn("not readable", self.unpack("MemoryPoolNVSE-bundle.zip")["contents.txt"].decode())

    def test_of_nothing_is_none(self):
        self.put("nvse.log", "extender")
        self.assertEqual(self.bundle(self.game), 3)
        self.assertIn("nothing of MemoryPoolNVSE", self.errors)
        self.assertFalse((self.folder / "MemoryPoolNVSE-bundle.zip").exists())

    def test_is_not_written_over_what_goes_into_it(self):
        self.put("MemoryPoolNVSE.log", "log")
        self.assertEqual(self.bundle(self.game, "-o", self.game / "MemoryPoolNVSE.log"), 1)
        self.assertEqual((self.game / "MemoryPoolNVSE.log").read_bytes(), b"log")
        self.assertEqual(self.bundle(self.game, "-o", self.folder / "none" / "x.zip"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
