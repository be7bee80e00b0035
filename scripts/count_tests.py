"""count_tests.py JUNIT.xml: prints "passed failed skipped" of one ctest run, and to standard error each failed test's name
with the end of what it printed. Anything that neither passed nor was skipped by its own words counts as failed. A program
whose cases run together counts as so many as GoogleTest says at its end; one that does not come to its end as one more
that failed."""

import re
import sys
import xml.etree.ElementTree as tree

LINES = 25  # of a failed test's output


def cases(output: str, kind: str) -> int:
    return sum(int(count) for count in re.findall(rf"^\[  {kind}  \] (\d+) tests?[.,]", output, re.MULTILINE))


def main() -> None:
    passed = failed = skipped = 0
    for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        together = "." not in case.get("name", "")
        if case.get("status") == "run" and case.find("failure") is None:
            passed += (together and cases(output, "PASSED")) or 1
            skipped += together and cases(output, "SKIPPED")
        elif case.find("skipped") is not None and "SKIP_" in case.find("skipped").get("message", ""):
            skipped += 1
        else:
            failed += max(1, cases(output, "FAILED"))
            passed += together and cases(output, "PASSED")
            print(f"FAILED: {case.get('name')} ({case.get('time')} s)", file=sys.stderr)
            for line in output.splitlines()[-LINES:]:
                print(f"    {line[:200]}", file=sys.stderr)
    print(passed, failed, skipped)


main()
