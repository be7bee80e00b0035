"""count_tests.py JUNIT.xml: prints "passed failed skipped" of one ctest run, and to standard error each failed test's name
with the end of what it printed. Anything that neither passed nor was skipped by its own words counts as failed."""

import sys
import xml.etree.ElementTree as tree

LINES = 25  # of a failed test's output


def main() -> None:
    passed = failed = skipped = 0
    for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
        if case.get("status") == "run" and case.find("failure") is None:
            passed += 1
        elif case.find("skipped") is not None and "SKIP_" in case.find("skipped").get("message", ""):
            skipped += 1
        else:
            failed += 1
            print(f"FAILED: {case.get('name')} ({case.get('time')} s)", file=sys.stderr)
            for line in (case.findtext("system-out") or "").splitlines()[-LINES:]:
                print(f"    {line[:200]}", file=sys.stderr)
    print(passed, failed, skipped)


main()
