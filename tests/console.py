"""The command line as a process of its own."""

import sys

COMMAND = [sys.executable, "-c", "import sys; from gmm.cli import main; sys.exit(main())"]
