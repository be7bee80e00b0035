"""check_command_test.py EXE COMMAND...: `mpnvse check` on the stand-in's executable and on altered copies of it: its
exit codes, its text and its JSON document."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

EXE = pathlib.Path(sys.argv[1])
COMMAND = sys.argv[2:]
ONE_SITE_OF_EACH_GROUP = (0x009FB170, 0x00AA5E30, 0x00AA6610, 0x00AA79A0, 0x00AA7A50, 0x00AA7D60, 0x00AA8F50, 0x00EDE263)


def run(*arguments):
    return subprocess.run(COMMAND + [str(a) for a in arguments], capture_output=True, check=False)


class PortableExecutable:
    """Just enough to find a byte of the file by its address."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.pe = struct.unpack_from("<I", data, 0x3C)[0]
        count, optional = struct.unpack_from("<H", data, self.pe + 6)[0], struct.unpack_from("<H", data, self.pe + 20)[0]
        self.optional = self.pe + 24
        self.table = self.optional + optional
        self.sections = [struct.unpack_from("<8sIIII", data, self.table + 40 * i) for i in range(count)]

    def offset(self, address):
        relative = address - 0x400000
        for _, size, start, _, where in self.sections:
            if start <= relative < start + size:
                return where + relative - start
        raise KeyError(hex(address))

    def put(self, address, value):
        at = self.offset(address)
        self.data[at:at + len(value)] = value
        return self.data


class CheckCommand(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def check(self, data, *arguments):
        path = pathlib.Path(self.folder.name) / "FalloutNV.exe"
        path.write_bytes(data)
        return run("check", path, *arguments)

    def expect(self, data, code, word):
        result = self.check(data)
        last = result.stdout.decode().strip().splitlines()[-1]
        self.assertEqual(result.returncode, code, last)
        self.assertIn(word, last)

    def test_the_stand_in_gives_seventeen_of_seventeen(self):
        result = run("check", EXE)
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 0, text)
        self.assertIn("17 of 17 functions would be replaced", text)
        document = json.loads(run("check", EXE, "--json").stdout)
        self.assertEqual(document["would_be_replaced"], 17)
        self.assertEqual(document["version"], "1.4.0.525")
        self.assertEqual(document["front_doors_replaced"], 21)
        self.assertTrue(all(group["would_be_replaced"] for group in document["groups"]))

    def test_altered_truncated_and_foreign_files_are_told_apart(self):
        whole = EXE.read_bytes()

        def exe():
            return PortableExecutable(whole)

        self.expect(exe().put(0x00AA5E30, b"\xE9\0\0\0\0"), 1, "13 of 17")
        self.expect(exe().put(0x00AA9756, b"\xC2\x08"), 1, "the return at 0x00AA9756 pops 8")
        self.expect(b"", 4, "not a program")
        self.expect(b"#!/bin/sh\n", 4, "MZ")
        self.expect(whole[:len(whole) // 3], 5, "truncated")
        self.expect(whole[:100], 5, "truncated")
        senseless = exe()
        struct.pack_into("<I", senseless.data, senseless.optional + 56, 0xFFFF0000)
        self.expect(senseless.data, 6, "damaged")
        other = exe()
        struct.pack_into("<H", other.data, other.pe + 4, 0x8664)
        self.expect(other.data, 7, "0x8664")
        packed = exe()
        packed.data[packed.table:packed.table + 8] = b"UPX0\0\0\0\0"
        self.expect(packed.data, 8, "UPX")
        unversioned = exe()
        struct.pack_into("<II", unversioned.data, unversioned.optional + 112, 0, 0)
        self.expect(unversioned.data, 9, "no version")
        epic = whole.replace(struct.pack("<IIII", 0xFEEF04BD, 0x10000, 0x10004, 525),
                             struct.pack("<IIII", 0xFEEF04BD, 0x10000, 0x10004, 1338))
        self.assertNotEqual(epic, whole)
        self.expect(epic, 10, "1.4.0.1338")
        moved = exe()
        struct.pack_into("<I", moved.data, moved.optional + 28, 0x00500000)
        self.expect(moved.data, 11, "0x00500000")
        data_only = exe()
        flags = data_only.table + 36
        struct.pack_into("<I", data_only.data, flags,
                         struct.unpack_from("<I", data_only.data, flags)[0] & ~0x20000000)
        self.expect(data_only.data, 14, "executable section")
        foreign = exe()
        for address in ONE_SITE_OF_EACH_GROUP:
            foreign.put(address, b"\xCC" * 16)
        self.expect(foreign.data, 15, "nothing would be replaced")
        protected = PortableExecutable(foreign.data)
        protected.data[protected.table + 40:protected.table + 48] = b".bind\0\0\0"
        self.expect(protected.data, 13, "encrypted by Steam")

    def test_a_missing_file_and_a_folder_are_not_readable(self):
        self.assertEqual(run("check", pathlib.Path(self.folder.name) / "none.exe").returncode, 3)
        self.assertEqual(run("check", self.folder.name).returncode, 3)

    def test_wrong_usage_is_told_from_every_result(self):
        self.assertEqual(run("check").returncode, 2)
        self.assertEqual(run("--no-such-option").returncode, 2)
        self.assertEqual(run("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
