#!/usr/bin/env python3
"""package.py OUTPUT NAME=FILE...: a zip that depends on nothing but its contents: entries in order of their names, one
time stamp, one mode. NAME is the path inside the zip; a NAME that is given several times gets the files one after the
other, separated by a line (licences). Texts get the line ends of Windows. Mod managers install such a zip as it is."""

import pathlib
import sys
import zipfile

STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
TEXTS = (".txt", ".ini", ".md")
SEPARATOR = b"\n" + b"-" * 78 + b"\n\n"


def contents(arguments):
    parts = {}
    for argument in arguments:
        name, _, path = argument.partition("=")
        parts.setdefault(name, []).append(pathlib.Path(path).read_bytes())
    return {name: as_shipped(name, SEPARATOR.join(files)) for name, files in parts.items()}


def as_shipped(name, content):
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if name.endswith(TEXTS) else content


def write(output, files):
    part = output.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0  # as made on Windows, wherever it is made
            entry.external_attr = 0
            archive.writestr(entry, files[name])
    part.replace(output)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    output = pathlib.Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    write(output, contents(sys.argv[2:]))
    print(output)


main()
