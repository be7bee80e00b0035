"""facts_test.py SCRIPT SITES EXAMPLE_PROGRAMS MPNVSE: `mpnvse check` with --facts and --proof on made-up programs, and what
compare_facts.py says of the texts."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT, SITES, EXAMPLE_PROGRAMS, MPNVSE = sys.argv[1:]
GROW = "0x00AA5E30 ScrapBuffer::Grow"


def compare(*files):
    return subprocess.run([sys.executable, SCRIPT, *map(str, files)], capture_output=True, text=True, timeout=60,
                          check=False)


def check(program, *options):
    return subprocess.run([MPNVSE, "check", program, *map(str, options)], capture_output=True, text=True, timeout=60,
                          check=False)


KEEP = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(KEEP.name)


def setUpModule():
    """The made-up programs, and the facts text of each."""
    unittest.addModuleCleanup(KEEP.cleanup)
    subprocess.run([EXAMPLE_PROGRAMS, FOLDER], check=True, timeout=60)
    for program in FOLDER.glob("*.exe"):
        check(program, "--facts", program.with_suffix(""))


class CheckOptions(unittest.TestCase):
    def test_exit_codes_are_those_of_the_check_with_and_without_facts(self):
        for name, code in (("game", 0), ("byte", 0), ("told", 0), ("pop", 1), ("call", 1), ("other_call", 1), ("slot", 1),
                           ("hook", 1), ("unwalked", 0), ("encrypted", 13)):
            program = FOLDER / f"{name}.exe"
            self.assertEqual(check(program).returncode, code, name)
            self.assertEqual(check(program, "--facts", FOLDER / "again").returncode, code, name)

    def test_structure_alone_declines_what_cannot_be_walked(self):
        program = FOLDER / "unwalked.exe"
        result = check(program, "--proof", "structure")
        self.assertEqual(result.returncode, 1)
        self.assertIn("13 of 17 functions", result.stdout)
        self.assertEqual(check(program, "--proof", "bytes-or-structure").returncode, 0)
        self.assertEqual(check(program, "--proof", "bytes").returncode, 2)

    def test_json_says_how_each_site_was_proven(self):
        document = json.loads(check(FOLDER / "byte.exe", "--json").stdout)
        self.assertEqual((document["front_doors_replaced"], document["front_doors"]), (21, 21))
        group = next(group for group in document["groups"] if group["name"] == "scrap buffers")
        self.assertEqual((group["by_bytes"], group["by_structure"]), (3, 1))
        proofs = {site["address"]: site["proof"] for site in group["sites"]}
        self.assertEqual(proofs.pop("0x00AA5E30"), "structure")
        self.assertEqual(set(proofs.values()), {"bytes"})
        verbose = check(FOLDER / "byte.exe", "-v").stdout
        self.assertIn(f"{GROW}: proven by structure; expected 55 8B EC", verbose)

    def test_facts_that_cannot_be_written_are_an_exit_code_of_their_own(self):
        result = check(FOLDER / "game.exe", "--facts", FOLDER)
        self.assertEqual(result.returncode, 16)
        self.assertTrue(result.stdout.splitlines()[-1].startswith("no facts: "), result.stdout)

    def test_an_encrypted_program_has_no_facts_and_the_command_is_named(self):
        self.assertFalse((FOLDER / "encrypted").exists())
        self.assertIn("MemoryPoolFacts", check(FOLDER / "encrypted.exe", "--facts", FOLDER / "x").stdout)

    def test_the_text_names_neither_folder_nor_file(self):
        text = (FOLDER / "game").read_text(encoding="utf-8")
        self.assertNotIn(FOLDER.name, text)
        self.assertNotIn("/", text)
        self.assertNotIn("\\", text)


class CompareFacts(unittest.TestCase):
    def section(self, name, title, code):
        """The lines of one section of the answer."""
        result = compare(FOLDER / name, SITES)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        sections = {}
        for line in result.stdout.splitlines():
            if line.startswith("  "):
                last.append(line.strip())
            else:
                sections[line.split(":")[0]] = last = []
        self.assertEqual(list(sections), ["Wrong in the table", "Likely, now certain", "Says nothing", "To look at"])
        return sections[title]

    def wrong(self, name):
        return self.section(name, "Wrong in the table", 1)

    def test_every_likely_row_of_the_game_becomes_certain(self):
        self.assertEqual(self.section("game", "Wrong in the table", 0), [])
        self.assertEqual(self.section("game", "Says nothing", 0), [])
        certain = self.section("game", "Likely, now certain", 0)
        self.assertIn(f"{GROW}: first bytes", certain)
        self.assertIn(f"{GROW}: main return: 0x00AA5E85", certain)
        self.assertIn("0x00AA6650 PoolPage::Decommit: popped bytes: 4", certain)
        table = pathlib.Path(SITES).read_text(encoding="utf-8")
        likely_bytes = sum("` | likely |" in line for line in table.splitlines())
        self.assertEqual(sum(line.endswith(": first bytes") for line in certain), likely_bytes)
        self.assertGreater(likely_bytes, 5)

    def test_what_a_function_told_by_its_returns_pops_is_said(self):
        self.assertIn("0x00AA6650 PoolPage::Decommit: popped bytes: 8",
                      self.section("told", "Likely, now certain", 0))

    def test_a_wrong_byte_is_named_with_both(self):
        self.assertEqual(self.wrong("byte"), [
            f"{GROW}: first bytes: table 55 8B EC 83 EC 0C 89 4D F4 C7 45 FC 00 00 00 00, "
            "file 55 89 E5 83 EC 0C 89 4D F4 C7 45 FC 00 00 00 00"])
        self.assertNotIn(f"{GROW}: first bytes", self.section("byte", "Likely, now certain", 1))

    def test_a_wrong_pop_is_named(self):
        self.assertEqual(self.wrong("pop"), [f"{GROW}: popped bytes: table 12, file 8 at 0x00AA5E85"])

    def test_a_missing_call_and_another_one_are_named(self):
        self.assertEqual(self.wrong("call"),
                         [f"{GROW}: call at 0x00AA5E52: table pointer 0x00FDF114, file no call"])
        self.assertEqual(self.wrong("other_call"), [
            f"{GROW}: call at 0x00AA5E78: table function 0x00866A90, file function 0x00AA3E40"])

    def test_another_vtable_slot_is_named(self):
        self.assertEqual(self.wrong("slot"), ["0x010A2914 MemoryHeap vtable +18 (statistics): slot 0x010A2914: "
                                              "table 0x00AA7C60, file 0x00401000"])

    def test_a_function_with_a_hook_says_nothing_and_is_not_wrong(self):
        silent = self.section("hook", "Says nothing", 0)
        self.assertEqual(len(silent), 1)
        self.assertIn(f"{GROW}: somebody's hook stands in it", silent[0])

    def test_a_return_that_was_not_walked_to_is_not_wrong(self):
        self.assertIn("not every path was walked", self.section("unwalked", "Says nothing", 0)[0])
        self.assertNotIn(f"{GROW}: main return: 0x00AA5E85", self.section("unwalked", "Likely, now certain", 0))

    def test_unusable_input_is_told_from_both_answers(self):
        good = (FOLDER / "game").read_text(encoding="utf-8")
        for text in ("", "something else\n", good.replace("facts 1", "facts 2", 1),
                     good.replace("1.4.0.525", "1.4.0.1338", 1), "\n".join(good.splitlines()[:3]), good + "?\n"):
            (FOLDER / "bad").write_text(text, encoding="utf-8")
            result = compare(FOLDER / "bad", SITES)
            self.assertEqual(result.returncode, 2, text[:40])
            self.assertIn("compare_facts.py: ", result.stderr)
        self.assertEqual(compare(FOLDER / "none", SITES).returncode, 2)
        self.assertEqual(compare(FOLDER / "game", FOLDER / "game").returncode, 2)
        self.assertEqual(compare().returncode, 2)

    def test_without_a_table_the_documented_one_is_taken(self):
        self.assertEqual(compare(FOLDER / "game").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
