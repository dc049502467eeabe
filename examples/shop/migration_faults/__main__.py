"""``python -m examples.shop.migration_faults NAME FOLDER``: write a bad release; without arguments, list them."""

from __future__ import annotations

import sys
from pathlib import Path

from . import FAULTS, write

if len(sys.argv) == 3 and sys.argv[1] in FAULTS:
    print(write(Path(sys.argv[2]), sys.argv[1]))
elif len(sys.argv) == 1:
    for name, fault in FAULTS.items():
        gate, code = fault.caught_by
        print(f"{name:32} {gate}: {code}\n    {fault.description}")
else:
    raise SystemExit("expected the name of a fault and a folder that is not there yet, or nothing to list them")
