#!/usr/bin/env python3
"""tools/include_graph.py: which folder includes which, from the #include "..." lines of src, standin, bench and tools.

One line a folder. Exit code 1, naming each cycle, when folders include each other or files of one folder do; a header and
the source of its name count as one file.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TREES = ("src", "standin", "bench", "tools")
SUFFIXES = (".h", ".c", ".cpp", ".inc")


def included(file):
    """The files of ours that it names: beside it, or below one of the include folders."""
    for name in re.findall(r'^\s*#\s*include "([^"]+)"', file.read_text(encoding="utf-8"), re.MULTILINE):
        for base in (file.parent, *(ROOT / tree for tree in TREES), ROOT):
            if (base / name).is_file():
                yield (base / name).resolve()
                break


def unit(file):
    path = file.relative_to(ROOT)
    return str(path if path.suffix == ".inc" else path.with_suffix(""))


def cycle_of(graph):
    """The nodes of one cycle in their order, or nothing."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return []
        path.append(node)
        found = next(filter(None, map(visit, sorted(graph.get(node, ())))), [])
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(visit, sorted(graph))), [])


def main():
    folders, files = {}, {}
    for file in (f for tree in TREES for f in sorted((ROOT / tree).rglob("*")) if f.suffix in SUFFIXES):
        home = str(file.parent.relative_to(ROOT))
        for other in included(file):
            there = str(other.parent.relative_to(ROOT))
            if there != home:
                folders.setdefault(home, set()).add(there)
            elif unit(file) != unit(other):
                files.setdefault(home, {}).setdefault(unit(file), set()).add(unit(other))
    for home in sorted(folders):
        print(f"{home}: {' '.join(sorted(folders[home]))}")
    cycles = [cycle for graph in (folders, *files.values()) if (cycle := cycle_of(graph))]
    for cycle in cycles:
        print(f"cycle: {' -> '.join(cycle)}", file=sys.stderr)
    return 1 if cycles else 0


if __name__ == "__main__":
    sys.exit(main())
