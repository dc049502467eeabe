"""Prints the incidents that are open: the files in the folder that SHOP_INCIDENTS names, one a line."""

import os
from pathlib import Path

for path in sorted(Path(os.environ["SHOP_INCIDENTS"]).iterdir()):
    print(path.name)
