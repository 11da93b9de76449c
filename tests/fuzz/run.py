"""Fuzz all readers, or those that are named: ``python tests/fuzz/run.py [TARGET ...] --minutes 30``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from targets import CORPUS, TARGETS

LIMITS = ["-max_len=200000", "-timeout=300", "-rss_limit_mb=2048", "-print_final_stats=1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=30, help="of each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"), help="folder for corpora, crashes and logs")
    options = parser.parse_args()

    def fuzz(name: str) -> bool:
        found = options.work / "corpus" / name
        found.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, Path(__file__).with_name("fuzz.py"), name, found, CORPUS / name, *LIMITS),
            *(f"-max_total_time={60 * options.minutes:.0f}", f"-artifact_prefix={options.work}/{name}-"),
        ]
        with (options.work / f"{name}.log").open("w") as log:
            failed = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode != 0
        print(f"{name}: {'FAILED' if failed else 'passed'}, see {log.name}", flush=True)
        return failed

    with ThreadPoolExecutor(options.jobs) as pool:
        sys.exit(any(list(pool.map(fuzz, options.targets or TARGETS))))


if __name__ == "__main__":
    main()
