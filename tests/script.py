"""Python scripts run by an interpreter of their own, as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def run_script(
    text: str, folder: Path, *, timeout: float = 120, preload: Path | None = None, **environment: str
) -> str:
    """Standard output of a script, which is a file of its own so that its processes can import it.

    It sees the modules of the test folder, but not the source tree. ``timeout`` (seconds) only ends one that hangs.
    """
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    if preload is not None:
        environment["LD_PRELOAD"] = " ".join(filter(None, [str(preload), os.environ.get("LD_PRELOAD")]))
    done = subprocess.run(
        [sys.executable, "-P", str(path)],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
