#!/usr/bin/env python3
"""The lists beside the samples: known functions of every convention with what they pop, and no line that the return
instructions of its function contradict. Usage: pops_test.py OBJDUMP EXECUTABLE... [unittest arguments]."""

import bisect
import pathlib
import re
import subprocess
import sys
import unittest

OBJDUMP = sys.argv.pop(1)
SAMPLES = [pathlib.Path(name) for name in sys.argv[1:] if name.endswith(".exe")]
sys.argv[1:] = [name for name in sys.argv[1:] if not name.endswith(".exe")]
POPPED = {  # by the symbol in the executable
    "_sample_cdecl_0": 0, "_sample_cdecl_2": 0, "_sample_cdecl_float": 0, "_sample_cdecl_64": 0, "_sample_variadic": 0,
    "_sample_cdecl_pair": 0, "_sample_cdecl_big": 0, "_sample_cdecl_by_value": 0,
    "_sample_stdcall_0@0": 0, "_sample_stdcall_4@4": 4, "_sample_stdcall_12@12": 12, "_sample_stdcall_16@16": 16,
    "_sample_stdcall_early@8": 8, "_sample_stdcall_switch@8": 8, "_sample_stdcall_tail@8": 8,
    "_sample_stdcall_tail_cdecl@8": 8, "_sample_stdcall_frame@4": 4, "_sample_stdcall_recursive@8": 8,
    "_sample_stdcall_end@8": 8, "_sample_stdcall_noreturn_at_the_end@4": 4,
    "@sample_fastcall_0@8": 0, "@sample_fastcall_4@12": 4, "@sample_fastcall_12@20": 12,
    "__ZNK5Shape5plainEv": 0, "__ZN5Shape3twoEii": 8, "__ZNK5Shape4areaEi": 4, "__ZN5Shape5weighEdi": 12,
    "__ZNK5Shape3bigEi": 8,  # the hidden pointer and the parameter
    "__ZNK5Shape8variadicEiz": 0, "__ZN5Shape8of_classEii": 0, "__ZN6SquareC2EiPKc": 8, "__ZN6Square5weighEdi": 12,
    "__Z7catchesR5Shapei": 0, "_main": None, "__Znwj": 0, "__ZdlPv": 0,
}
RETURN = re.compile(r"^\s*([0-9a-f]+):\s+(?:repz |bnd )?ret\s*(?:\$0x([0-9a-f]+))?\s*$")


def read(sample):
    """{address: (size, popped or None, kind, name)}"""
    rows = (line.split(" ", 4) for line in sample.with_suffix(".txt").read_text(encoding="utf-8").splitlines())
    return {int(address, 16): (int(size), None if popped == "-" else int(popped), kind, name)
            for address, size, popped, kind, name in rows}


def known(sample):
    """Those whose popped bytes are known: {address: (size, popped, name)}"""
    return {address: (size, popped, name) for address, (size, popped, _, name) in read(sample).items() if popped is not None}


def returns(sample, functions):
    """{address: what its return instructions pop}"""
    starts = sorted(functions)
    found = {}
    text = subprocess.run([OBJDUMP, "-d", "--no-show-raw-insn", str(sample)], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        match = RETURN.match(line)
        index = bisect.bisect_right(starts, int(match[1], 16)) - 1 if match else -1
        if index >= 0 and int(match[1], 16) < starts[index] + functions[starts[index]][0]:
            found.setdefault(starts[index], set()).add(int(match[2] or "0", 16))
    return found


class Lists(unittest.TestCase):
    maxDiff = None

    def test_two_compilers_and_their_levels_are_there(self):
        self.assertEqual(sorted(sample.stem for sample in SAMPLES),
                         ["clang_O0", "clang_O1", "clang_O2", "clang_Os", "gcc_O0", "gcc_O1", "gcc_O2", "gcc_O3", "gcc_Os"])

    def test_known_functions_of_every_convention_are_there(self):
        for sample in SAMPLES:
            functions = known(sample)
            popped = {name: pops for _, pops, name in functions.values()}
            self.assertGreater(len(functions), 500)
            self.assertEqual({name: popped.get(name) for name in POPPED}, POPPED, sample.name)

    def test_no_line_is_contradicted_by_the_code(self):
        for sample in SAMPLES:
            functions = known(sample)
            found = returns(sample, functions)
            self.assertGreater(len(found), len(functions) // 2)
            wrong = [(functions[address], pops) for address, pops in found.items() if pops != {functions[address][1]}]
            self.assertEqual(wrong, [], sample.name)

    def test_functions_that_never_come_back_are_told(self):
        for sample in SAMPLES:
            ends = {name for _, _, kind, name in read(sample).values() if kind == "noreturn"}
            self.assertEqual({"_abort", "_exit", "___cxa_throw", "__Unwind_Resume", "_sample_stdcall_end@8"} - ends, set(), sample.name)
            self.assertEqual({"_malloc", "_main", "_sample_stdcall_noreturn_at_the_end@4"} & ends, set(), sample.name)

    def test_functions_do_not_overlap(self):
        for sample in SAMPLES:
            functions = read(sample)
            ends = 0
            for address, (size, _, _, name) in sorted(functions.items()):
                self.assertGreater(size, 0, name)
                self.assertGreaterEqual(address, ends, name)
                ends = address + size


if __name__ == "__main__":
    unittest.main(verbosity=2)
