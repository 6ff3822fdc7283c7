"""The pictures of the pages, each by the module of its name.

    python docs/pictures                        all of them, some fifteen seconds; needs matplotlib and scikit-learn
    python docs/pictures starts noise           docs/starts.png and docs/noise.png
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    from canvas import save

    known = [path.stem for path in sorted(FOLDER.glob("*.py")) if path.stem not in ("__main__", "canvas")]
    for name in sys.argv[1:] or known:
        page, module = name.replace("_", "-"), name.replace("-", "_")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save(importlib.import_module(module).draw(), FOLDER.parent / f"{page}.png")


if __name__ == "__main__":
    main()
