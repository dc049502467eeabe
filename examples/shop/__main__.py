"""``python -m examples.shop`` or, installed, ``python -m relgate_suites.shop``."""

import sys

from .cli import main

sys.exit(main())
