"""manual_test.py MANUAL DOCUMENT MPNVSE FOLDER: the manual names every command, option and exit code that exists, and
no other; the document names every key of the JSON documents. FOLDER holds full.csv."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

MANUAL, DOCUMENT, MPNVSE, FOLDER = sys.argv[1:]


def run(*arguments):
    return subprocess.run([MPNVSE, *arguments], capture_output=True, text=True, check=False)


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


class Manual(unittest.TestCase):
    def setUp(self):
        self.text = pathlib.Path(MANUAL).read_text(encoding="utf-8").replace("\\-", "-")
        self.document = pathlib.Path(DOCUMENT).read_text(encoding="utf-8")

    def test_names_every_option_and_no_other(self):
        existing = options_of(run("--help-all").stdout)
        self.assertIn("--output", existing)
        self.assertEqual(options_of(self.text), existing)

    def test_names_every_command_and_no_other(self):
        block = run("--help").stdout.split("Subcommands:")[1]
        existing = set(re.findall(r"^  ([a-z]+)", block, re.MULTILINE))
        self.assertEqual(set(re.findall(r"^\.B mpnvse ([a-z]+)$", self.text, re.MULTILINE)), existing)

    def test_names_every_exit_code_by_the_word_that_is_printed(self):
        table = self.text.split(".SS check")[1].split(".TE")[0]
        rows = {int(code): text for code, text in re.findall(r"^(\d+);(.*)$", table, re.MULTILINE)}
        source = (pathlib.Path(MANUAL).parent.parent / "tools/mpnvse/check_output.cpp").read_text(encoding="utf-8")
        names = re.findall(r'"([a-z ]+)"', source.split("verdict_name(Verdict verdict)")[1].split("};")[0])
        self.assertEqual(sorted(rows), list(range(len(names))))
        for code, name in enumerate(names):
            self.assertTrue(rows[code].startswith(name), f"{code}: {name}")

    def test_document_names_every_key(self):
        documents = [json.loads(run("report", f"{FOLDER}/full.csv", "--json").stdout),
                     json.loads(run("compare", f"{FOLDER}/full.csv", f"{FOLDER}/off.csv", "--json").stdout),
                     json.loads(run("check", MPNVSE, "--json").stdout)]
        for document in documents:
            for key in document:
                self.assertIn(f"`{key}`", self.document)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
