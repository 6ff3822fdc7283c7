"""Lets the suites import `problems` and `contenders` beside them, ahead of the tests' modules of the same name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
