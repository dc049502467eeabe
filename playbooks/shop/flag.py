"""The shop's feature flags: says what one is, or switches some off. They lie in the JSON file that SHOP_FLAGS names.

    SHOP_FLAGS=flags.json python flag.py ai_suggestions
    SHOP_FLAGS=flags.json python flag.py off ai_suggestions layout_v2

An evaluation is OpenFeature's: ``{"value": false, "reason": "STATIC"}``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Print an evaluation as OpenFeature has them, or write; 1 for a flag that nobody has set."""
    file = Path(os.environ["SHOP_FLAGS"])
    flags = json.loads(file.read_text(encoding="utf-8"))
    name, *more = sys.argv[1:]
    unknown = sorted({*more} - {*flags}) if more else []
    if unknown or (not more and name not in flags):
        print(f"no such flag: {', '.join(unknown or [name])}", file=sys.stderr)
        return 1
    if not more:
        print(json.dumps({"value": flags[name], "reason": "STATIC"}))
        return 0
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(flags | dict.fromkeys(more, False), indent=1), encoding="utf-8")
    draft.replace(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
