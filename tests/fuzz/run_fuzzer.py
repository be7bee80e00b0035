"""run_fuzzer.py FUZZER SEEDS KIND INPUTS FOLDER: runs a fuzzer on fresh seeds of its kind, so many inputs or, when it is set, for
MP_FUZZ_SECONDS. What makes it fail stays in FOLDER, named by the last lines."""

import os
import subprocess
import sys
import tempfile

fuzzer, seeds, kind, inputs, folder = sys.argv[1:]
seconds = os.environ.get("MP_FUZZ_SECONDS")
with tempfile.TemporaryDirectory() as corpus:
    subprocess.run([seeds, kind, corpus], check=True)
    sys.exit(subprocess.run([
        fuzzer, corpus, f"-max_total_time={seconds}" if seconds else f"-runs={inputs}", "-seed=1", "-max_len=16384", "-timeout=120",
        "-rss_limit_mb=4096", "-detect_leaks=0", f"-artifact_prefix={folder}/{kind}-", "-verbosity=0", "-print_final_stats=1",
    ], check=False).returncode)
