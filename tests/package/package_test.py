"""package_test.py SOURCE BUILD CMAKE: the zips hold what they should, are the same every time, and the plugin's works when
it is unpacked into a game's folder."""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

SOURCE, BUILD, CMAKE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
PLUGINS = "Data/NVSE/Plugins/"


def make():
    subprocess.run([CMAKE, "--build", str(BUILD), "--target", "package_zips"], check=True, capture_output=True)
    return {path.name: path for path in (BUILD / "package").glob("*.zip")}


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.zips = make()
        cls.plugin = next(path for name, path in cls.zips.items() if "tools" not in name)
        cls.tools = next(path for name, path in cls.zips.items() if "tools" in name)

    def test_the_plugins_zip_installs_as_it_is(self):
        self.assertEqual(zipfile.ZipFile(self.plugin).namelist(), [PLUGINS + name for name in (
            "MemoryPoolNVSE-licences.txt", "MemoryPoolNVSE.dll", "MemoryPoolNVSE.ini", "MemoryPoolNVSE.pdb")])

    def test_the_licences_of_all_that_is_linked_in_are_there(self):
        plugin = zipfile.ZipFile(self.plugin).read(PLUGINS + "MemoryPoolNVSE-licences.txt").decode()
        tools = zipfile.ZipFile(self.tools).read("licences.txt").decode()
        for author in ("MemoryPoolNVSE contributors", "Leon Sorokin", "Florian Bernd", "Zyan Core Library", "mingw-w64 project", "Lucent Technologies", "GCC Runtime Library Exception"):
            self.assertIn(author, plugin)
            self.assertIn(author, tools)
        for author in ("Mattias Jansson", "Ben Hoyt"):
            self.assertIn(author, plugin)
        for author in ("Henry Schreiner", "Apache License", "yhirose", "Jean-loup Gailly"):
            self.assertIn(author, tools)
        for author in ("Niels Lohmann", "Victor Zverovich"):
            self.assertIn(author, tools)
            self.assertNotIn(author, plugin)

    @staticmethod
    def hashes(zips):
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in zips.items()}

    def test_making_them_again_gives_the_same_bytes(self):
        before = self.hashes(self.zips)
        for path in self.zips.values():
            path.unlink()
        self.assertEqual(self.hashes(make()), before)

    def test_the_installed_package_runs(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shutil.copy2(BUILD / "standin/bin/FalloutNV.exe", folder)
            for library in ("nvse_steam_loader.dll", "nvse_1_4.dll"):
                shutil.copy2(BUILD / "bin" / library, folder)
            zipfile.ZipFile(self.plugin).extractall(folder)
            done = subprocess.run([SOURCE / "scripts/wine", "./FalloutNV.exe", "--scenario", "combat", "--frames", "20"],
                                  cwd=folder, capture_output=True, check=False)
            log = (folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")
            self.assertEqual(done.returncode, 0, log)
            self.assertIn("patch count 17 of 17", log)
            self.assertIn("all is well", log)
            page = (folder / "MemoryPoolNVSE.html").read_text(encoding="utf-8")
            self.assertIn('"mode: full"', page)
            self.assertIn("</html>", page)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
