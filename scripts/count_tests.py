"""count_tests.py JUNIT.xml: prints "passed failed skipped" of one ctest run. Anything that neither passed nor was skipped
by its own words counts as failed."""

import sys
import xml.etree.ElementTree as tree


def main() -> None:
    passed = failed = skipped = 0
    for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
        if case.get("status") == "run" and case.find("failure") is None:
            passed += 1
        elif case.find("skipped") is not None and "SKIP_" in case.find("skipped").get("message", ""):
            skipped += 1
        else:
            failed += 1
    print(passed, failed, skipped)


main()
