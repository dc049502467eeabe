"""The gates and the example that come with relgate, importable: ``pytest --pyargs relgate_suites.gates``.

In a wheel they lie inside this package. In a checkout they lie at its top level, where they are found through the
package path, so that an editable install always sees the live files.
"""

from pathlib import Path

_checkout = Path(__file__).resolve().parents[2]
if (_checkout / "gates").is_dir() and (_checkout / "pyproject.toml").is_file():
    __path__ += [str(_checkout), str(_checkout / "examples")]
