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
            "MemoryPoolNVSE-changelog.txt", "MemoryPoolNVSE-licences.txt", "MemoryPoolNVSE-readme.txt",
            "MemoryPoolNVSE.default.ini", "MemoryPoolNVSE.dll", "MemoryPoolNVSE.pdb")])

    def test_the_tools_zip_holds_the_tool_and_its_documents(self):
        self.assertEqual(zipfile.ZipFile(self.tools).namelist(), ["licences.txt", "mpnvse.1", "mpnvse.exe", "mpnvse.md"])

    def test_its_texts_are_the_projects_and_read_well_in_any_editor(self):
        for name, source in (("readme.txt", "package/mod-page.md"), ("changelog.txt", "CHANGELOG.md")):
            text = zipfile.ZipFile(self.plugin).read(f"{PLUGINS}MemoryPoolNVSE-{name}")
            self.assertEqual(text.replace(b"\r\n", b"\n"), (SOURCE / source).read_bytes())
            self.assertEqual(text.count(b"\n"), text.count(b"\r\n"))

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

    def play(self, folder):
        """A game with what lies in the folder's Data. Its log."""
        shutil.copy2(BUILD / "standin/bin/FalloutNV.exe", folder)
        for library in ("nvse_steam_loader.dll", "nvse_1_4.dll"):
            shutil.copy2(BUILD / "bin" / library, folder)
        done = subprocess.run([SOURCE / "scripts/wine", "./FalloutNV.exe", "--scenario", "combat", "--frames", "20"],
                              cwd=folder, capture_output=True, check=False)
        log = (folder / "MemoryPoolNVSE.log").read_text(encoding="utf-8")
        self.assertEqual(done.returncode, 0, log)
        self.assertIn("all is well", log)
        return log

    def test_the_installed_package_runs_without_settings_of_the_players_and_says_how_to_make_some(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            zipfile.ZipFile(self.plugin).extractall(folder)
            log = self.play(folder)
            self.assertIn("patch count 17 of 17", log)
            self.assertIn("MemoryPoolNVSE.ini (not found: defaults)", log)
            self.assertIn("copy MemoryPoolNVSE.default.ini to MemoryPoolNVSE.ini", log)
            page = (folder / "MemoryPoolNVSE.html").read_text(encoding="utf-8")
            self.assertIn('"mode: full"', page)
            self.assertIn("</html>", page)

    def test_an_update_over_it_keeps_the_players_settings_and_the_plugin_reads_them(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            zipfile.ZipFile(self.plugin).extractall(folder)
            plugins = folder / PLUGINS
            mine = b"[Main]\r\nsMode = boundary\r\n"
            (plugins / "MemoryPoolNVSE.ini").write_bytes(mine)
            (plugins / "MemoryPoolNVSE.default.ini").write_bytes(b"; of the version before\n")
            zipfile.ZipFile(self.plugin).extractall(folder)
            self.assertEqual((plugins / "MemoryPoolNVSE.ini").read_bytes(), mine)
            self.assertIn(b"sMode = full", (plugins / "MemoryPoolNVSE.default.ini").read_bytes())
            self.assertIn("[Main] sMode = boundary", self.play(folder))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
