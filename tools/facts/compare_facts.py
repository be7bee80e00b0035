#!/usr/bin/env python3
"""compare_facts.py FACTS [SITES]: what a facts text (`mpnvse check --facts`, MemoryPoolFacts) says of the site table as
docs/sites.md documents it. Prints which likely rows become certain, which facts of the table are wrong, and of which
rows the text says nothing.

Exit code 0: nothing is wrong; 1: something is; 2: one of the two files is of no use."""

import pathlib
import re
import sys

FORMAT = "MemoryPoolNVSE facts 1"
PROGRAM = "1.4.0.525"
DEFAULT_SITES = pathlib.Path(__file__).resolve().parents[2] / "docs/sites.md"
TOLD_BY_RETURNS = "told by its returns"


class Unusable(Exception):
    """A file that cannot be compared; the text says why."""


class Row:
    """One function of the table."""

    def __init__(self, cells):
        self.address = int(cells["address"], 16)
        self.name = cells["name"]
        self.size = None if cells["size"] == "–" else int(cells["size"])
        self.bytes = cells["first bytes"].strip("`").split()
        self.bytes_certain = cells["bytes are"] == "certain"
        self.popped = (4, 8) if cells["popped"] == TOLD_BY_RETURNS else (int(cells["popped"]),)
        self.main_return = None if cells["main return"] == "–" else int(cells["main return"], 16)
        self.return_certain = cells["return is"] == "certain"
        self.statements = [] if cells["statements"] == "–" else cells["statements"].split("; ")

    def __str__(self):
        return f"0x{self.address:08X} {self.name}"


class Facts:
    """What the text says of one function."""

    def __init__(self):
        self.bytes = None
        self.size = None
        self.returns = {}
        self.calls = {}
        self.slots = {}
        self.enters = None
        self.complete = False
        self.incomplete_because = ""
        self.foreign = []

    def add(self, line):
        """One line of the block; lines that are not known are for people."""
        if line.startswith("bytes ") and re.fullmatch(r"([0-9A-F]{2} ?)+", line[6:]):
            self.bytes = line[6:].split()
        elif match := re.fullmatch(r"size (\d+)", line):
            self.size = int(match[1])
        elif match := re.fullmatch(r"return 0x([0-9A-F]{8}) pops (\d+)", line):
            self.returns[int(match[1], 16)] = int(match[2])
        elif match := re.match(r"call 0x([0-9A-F]{8}) (?:(function|pointer) 0x([0-9A-F]{8})|unknown)", line):
            self.calls[int(match[1], 16)] = (match[2], int(match[3], 16)) if match[2] else ("unknown", 0)
        elif match := re.match(r"slot 0x([0-9A-F]{8}) holds 0x([0-9A-F]{8})", line):
            self.slots[int(match[1], 16)] = int(match[2], 16)
        elif match := re.fullmatch(r"enters 0x([0-9A-F]{8})", line):
            self.enters = int(match[1], 16)
        elif line == "walk complete":
            self.complete = True
        elif line.startswith("walk incomplete: "):
            self.incomplete_because = line.removeprefix("walk incomplete: ")
        elif line.startswith("leaves "):
            self.foreign.append(line)


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: {error}") from error


def read_tables(path):
    """The functions, and the vtable slots with what they point to."""
    rows, slots, head = [], {}, []
    for line in read(path).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if cells and cells[0] == "address":
            head = cells
        elif cells and "first bytes" in head:
            try:
                rows.append(Row(dict(zip(head, cells, strict=True))))
            except (KeyError, ValueError) as error:
                raise Unusable(f"{path}: a row that is not understood ({error}): {line}") from error
        elif cells and "points to" in head:
            slots[int(cells[0], 16)] = (int(cells[1], 16), cells[2])
    if not rows or not slots:
        raise Unusable(f"{path}: no table of functions, or none of vtable slots")
    return rows, slots


def read_facts(path):
    """What is said of each function, and the value of each vtable slot of the table."""
    lines = read(path).splitlines()
    if not lines or lines[0] != FORMAT:
        raise Unusable(f"{path}: does not start with \"{FORMAT}\"")
    if len(lines) < 3 or lines[1] != f"program {PROGRAM}":
        raise Unusable(f"{path}: not about {PROGRAM}")
    facts, slots, current = {}, {}, None
    for line in lines[3:]:
        if match := re.match(r"(function|slot) 0x([0-9A-F]{8})", line):
            current = Facts()
            (facts if match[1] == "function" else slots)[int(match[2], 16)] = current
        elif line.startswith("  ") and current is not None:
            current.add(line[2:])
        elif line:
            raise Unusable(f"{path}: a line that is not understood: {line}")
    if not facts:
        raise Unusable(f"{path}: says nothing of any function")
    return facts, {address: said.slots.get(address) for address, said in slots.items()}


class Comparison:
    """Lists of lines, by what they mean."""

    def __init__(self):
        self.certain, self.wrong, self.silent, self.notes = [], [], [], []

    def compare(self, row, said):
        if said is None or said.bytes is None:
            self.silent.append(f"{row}: " + ("not in the text" if said is None else "not readable"))
            return
        if said.foreign:
            self.silent.append(f"{row}: somebody's hook stands in it ({said.foreign[0]})")
            return
        if not said.complete:
            self.silent.append(f"{row}: not every path was walked ({said.incomplete_because}); what was is compared")
        self.bytes(row, said)
        self.popped(row, said)
        self.main_return(row, said)
        for statement in row.statements:
            self.statement(row, said, statement)
        if row.size is not None and said.size is not None and row.size != said.size:
            self.notes.append(f"{row}: size {row.size} in the table, {said.size} found")

    def bytes(self, row, said):
        if len(said.bytes) < len(row.bytes):
            self.silent.append(f"{row}: fewer bytes than the table has")
        elif any(want not in ("??", found) for want, found in zip(row.bytes, said.bytes)):
            self.wrong.append(f"{row}: first bytes: table {' '.join(row.bytes)}, file "
                              f"{' '.join(said.bytes[:len(row.bytes)])}")
        elif not row.bytes_certain:
            self.certain.append(f"{row}: first bytes")

    def popped(self, row, said):
        wrong = sorted((at, pops) for at, pops in said.returns.items() if pops not in row.popped)
        if wrong:
            self.wrong.append(f"{row}: popped bytes: table {' or '.join(map(str, row.popped))}, file " +
                              ", ".join(f"{pops} at 0x{at:08X}" for at, pops in wrong))
        elif len(row.popped) > 1 and len(set(said.returns.values())) == 1:
            self.certain.append(f"{row}: popped bytes: {next(iter(said.returns.values()))}")

    def main_return(self, row, said):
        if row.main_return is None:
            if len(said.returns) == 1:
                self.certain.append(f"{row}: main return: 0x{next(iter(said.returns)):08X}")
        elif row.main_return not in said.returns:
            if said.complete:
                self.wrong.append(f"{row}: main return: table 0x{row.main_return:08X}, file " +
                                  (", ".join(f"0x{at:08X}" for at in sorted(said.returns)) or "none"))
        elif not row.return_certain:
            self.certain.append(f"{row}: main return: 0x{row.main_return:08X}")

    def statement(self, row, said, statement):
        if match := re.match(r"([0-9A-F]{8}) calls (import )?([0-9A-F]{8})", statement):
            at, want = int(match[1], 16), ("pointer" if match[2] else "function", int(match[3], 16))
            found = said.calls.get(at)
            if found != want and (found is not None or said.complete):
                text = f"{found[0]} 0x{found[1]:08X}" if found else "no call"
                self.wrong.append(f"{row}: call at 0x{at:08X}: table {want[0]} 0x{want[1]:08X}, file {text}")
        elif match := re.fullmatch(r"in slot ([0-9A-F]{8})", statement):
            self.slot(row, int(match[1], 16), row.address, said.slots.get(int(match[1], 16)))
        elif match := re.fullmatch(r"jumps to ([0-9A-F]{8})", statement):
            if said.enters != int(match[1], 16) and said.complete:
                self.wrong.append(f"{row}: no jump leads to 0x{match[1]}")
        else:
            raise Unusable(f"a statement that is not understood: {statement}")

    def slot(self, row, address, want, found):
        if found is None:
            self.silent.append(f"{row}: the slot 0x{address:08X} is not in the text, or not readable")
        elif found != want:
            self.wrong.append(f"{row}: slot 0x{address:08X}: table 0x{want:08X}, file 0x{found:08X}")

    def show(self):
        for title, lines in (("Wrong in the table", self.wrong), ("Likely, now certain", self.certain),
                             ("Says nothing", self.silent), ("To look at", self.notes)):
            print(f"{title}: {len(lines) or 'none'}")
            for line in lines:
                print(f"  {line}")


def main(arguments):
    if len(arguments) not in (1, 2):
        raise Unusable(__doc__.split(":")[0] + ": one or two files")
    rows, slots = read_tables(arguments[1] if len(arguments) == 2 else DEFAULT_SITES)
    facts, slot_values = read_facts(arguments[0])
    comparison = Comparison()
    for row in rows:
        comparison.compare(row, facts.get(row.address))
    for address, (target, name) in slots.items():
        comparison.slot(f"0x{address:08X} {name}", address, target, slot_values.get(address))
    comparison.show()
    return 1 if comparison.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Unusable as problem:
        print(f"compare_facts.py: {problem}", file=sys.stderr)
        sys.exit(2)
