"""function_names_test.py DLL|- COMMAND...: places of the culprit finder get the names of functions, from the linker's map or
a PDB that lies beside the session or the plugins. DLL: one with a PDB beside it, where the command can read that; else -."""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

DLL, COMMAND = sys.argv[1], sys.argv[2:]
MICROSOFT = """ other

 Timestamp is 655f1c2a

 Preferred load address is 10000000

 Start         Length     Name                   Class
 0001:00000000 00001234H .text                   CODE

  Address         Publics by Value              Rva+Base       Lib:Object

 0000:00000000       ___safe_se_handler_count   00000000     <absolute>
 0001:00000990       ?make@@YAPAXXZ             10001990 f   other.obj
 0001:00000a80       ?use@@YAXXZ                10001a80 f   other.obj
"""
GNU = """Linker script and memory map
                0x10000000                __image_base__ = 0x10000000
 .text          0x10001990      0x100 other.o
                0x10001990                make()
                0x10001a80                use(void*, int)
"""


class FunctionNames(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.game = pathlib.Path(folder.name)
        self.plugins = self.game / "Data" / "nvse" / "plugins"
        self.plugins.mkdir(parents=True)

    def events(self, *places):
        """What the report's events are of a session with one finding and a stack of these places."""
        text = (f'ms,event,frames\n0,"start: x"\n5,"finding: 1; overrun; {places[0]}; writes; block 0x1; thread 2; frame 3"\n'
                f'5,"finding: 1 access: {", ".join(places)}"\n6,"note: other.dll+0x1A97"\n')
        (self.game / "MemoryPoolNVSE.csv").write_text(text, encoding="utf-8")
        done = subprocess.run([*COMMAND, "report", str(self.game / "MemoryPoolNVSE.csv"), "--json"], capture_output=True, check=True)
        return [event["text"] for event in json.loads(done.stdout)["events"]]

    def check(self, first, second):
        _, finding, stack, note = self.events("other.dll+0x1A97", "likely other.dll+0x1990", "other.dll+0x10", "third.dll+0x1A97")
        self.assertEqual(finding, f"finding: 1; overrun; other.dll+0x1A97 [{first}]; writes; block 0x1; thread 2; frame 3")
        self.assertEqual(stack, f"finding: 1 access: other.dll+0x1A97 [{first}], likely other.dll+0x1990 [{second}], "
                         "other.dll+0x10, third.dll+0x1A97")
        self.assertEqual(note, "note: other.dll+0x1A97")

    def test_come_from_a_map_of_microsofts_linker_beside_the_session(self):
        (self.game / "OTHER.map").write_text(MICROSOFT, encoding="utf-8")
        self.check("?use@@YAXXZ+0x17", "?make@@YAPAXXZ")

    def test_come_from_a_map_of_gnus_linker_beside_the_plugins(self):
        (self.plugins / "other.map").write_text(GNU, encoding="utf-8")
        self.check("use(void*,int)+0x17", "make()")

    def test_are_not_made_up_from_a_file_that_is_no_map(self):
        (self.game / "other.map").write_bytes(bytes(range(256)) * 100 + b"\n " + b"x" * 1_000_000 + b"\n 0x" + b"f" * 40 + b" name\n")
        (self.game / "third.pdb").write_bytes(bytes(range(256)) * 100)
        _, finding, _, _ = self.events("other.dll+0x1A97", "third.dll+0x10")
        self.assertEqual(finding, "finding: 1; overrun; other.dll+0x1A97; writes; block 0x1; thread 2; frame 3")

    @unittest.skipIf(DLL == "-", "the system reads no PDB")
    def test_come_from_a_pdb_beside_the_plugins(self):
        dll = pathlib.Path(DLL)
        for file in (dll, dll.with_suffix(".pdb")):
            shutil.copy2(file, self.plugins)
        _, finding, _, _ = self.events(f"{dll.name}+0x{offset_of('NVSEPlugin_Load', dll.read_bytes()) + 1:X}")
        self.assertRegex(finding, r"\[_?NVSEPlugin_Load\+0x1\]")


def offset_of(function, image):
    """Of an exported function, from the image's base."""
    headers = struct.unpack_from("<I", image, 0x3C)[0]
    count, optional = struct.unpack_from("<H", image, headers + 6)[0], struct.unpack_from("<H", image, headers + 20)[0]
    sections = [struct.unpack_from("<IIII", image, headers + 24 + optional + 40 * i + 8) for i in range(count)]

    def file_offset(offset):
        _, start, _, raw = next(one for one in sections if one[1] <= offset < one[1] + max(one[0], one[2]))
        return offset - start + raw

    def word(offset, size="<I"):
        return struct.unpack_from(size, image, file_offset(offset))[0]

    exports = struct.unpack_from("<I", image, headers + 24 + 96)[0]
    functions, names, ordinals = word(exports + 28), word(exports + 32), word(exports + 36)
    for i in range(word(exports + 24)):
        at = file_offset(word(names + 4 * i))
        if image[at:image.index(b"\0", at)].decode() == function:
            return word(functions + 4 * word(ordinals + 2 * i, "<H"))
    raise AssertionError(function)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
