"""compare_facts_test.py SCRIPT SITES FACTS_EXAMPLE: what compare_facts.py says of texts of made-up programs."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT, SITES, FACTS_EXAMPLE = sys.argv[1:]
GROW = "0x00AA5E30 ScrapBuffer::Grow"


def compare(*files):
    return subprocess.run([sys.executable, SCRIPT, *map(str, files)], capture_output=True, text=True, timeout=60,
                          check=False)


class CompareFacts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.keep.cleanup)
        cls.folder = pathlib.Path(cls.keep.name)
        subprocess.run([FACTS_EXAMPLE, cls.folder], check=True, timeout=60)

    def section(self, name, title, code):
        """The lines of one section of the answer."""
        result = compare(self.folder / name, SITES)
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
        good = (self.folder / "game").read_text(encoding="utf-8")
        for text in ("", "something else\n", good.replace("facts 1", "facts 2", 1),
                     good.replace("1.4.0.525", "1.4.0.1338", 1), "\n".join(good.splitlines()[:3]), good + "?\n"):
            (self.folder / "bad").write_text(text, encoding="utf-8")
            result = compare(self.folder / "bad", SITES)
            self.assertEqual(result.returncode, 2, text[:40])
            self.assertIn("compare_facts.py: ", result.stderr)
        self.assertEqual(compare(self.folder / "none", SITES).returncode, 2)
        self.assertEqual(compare(self.folder / "game", self.folder / "game").returncode, 2)
        self.assertEqual(compare().returncode, 2)

    def test_without_a_table_the_documented_one_is_taken(self):
        self.assertEqual(compare(self.folder / "game").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
