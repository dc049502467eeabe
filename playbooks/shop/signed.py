"""Verifies signatures with OpenSSL: FILE.sig of each file, under the public key that SHOP_RELEASE_KEY names.

    SHOP_RELEASE_KEY=release.pub python signed.py 'dist/*.zip'

The key has to come from elsewhere than the files: whoever can change them could change it too. 0 when all are signed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Verify; a pattern that matches nothing is a failure."""
    bad = 0
    for pattern in sys.argv[1:]:
        files = sorted(Path().glob(pattern))
        if not files:
            print(f"{pattern}: no file")
        bad += not files
        for file in files:
            words = ["openssl", "dgst", "-sha256", "-verify", os.environ["SHOP_RELEASE_KEY"], "-signature"]
            done = subprocess.run([*words, f"{file}.sig", str(file)], capture_output=True, text=True, check=False)
            print(f"{file}: {(done.stdout or done.stderr).strip()}")
            bad += done.returncode != 0
    return int(bad > 0 or len(sys.argv) == 1)


if __name__ == "__main__":
    sys.exit(main())
