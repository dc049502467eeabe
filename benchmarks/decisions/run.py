"""How often, and how fast, each rule rolls back good and bad releases: simulated worlds, our rule beside those of others.

    python benchmarks/decisions/run.py                 # everything: hours; finished cells are kept and skipped
    python benchmarks/decisions/run.py --quick         # the same cells with a tenth of the runs, into a folder of its own
    python benchmarks/decisions/run.py --only 'bursty.10rps' --who ours
    python benchmarks/decisions/run.py --table --goals --plots docs/images

One JSON file per cell and group (ours, peers): a group can be run again without the other, on the same traffic.
"""

import argparse
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import goals
import plots
import tables
from cells import Cell, grid, peers

from relgate.backtest.peers import Argo, calibrated
from relgate.backtest.race import batch_size, race

GROUPS = ("peers", "ours")
SEED = 20261121


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    cells = [cell for cell in grid() if re.search(options.only, cell.id)]
    folder = options.out / "quick" if options.quick else options.out
    if options.list:
        print(*(cell.id for cell in cells), sep="\n")
    elif options.table or options.goals or options.plots:
        stored = tables.load(folder, cells)
        if options.table:
            print(tables.markdown(stored))
        if options.goals:
            print(goals.markdown(stored))
        if options.plots:
            for path in plots.draw(stored, options.plots):
                print(path)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        simulate(cells, folder, options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder of the results")
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression that a cell's id must match")
    parser.add_argument("--who", choices=[*GROUPS, "all"], default="all", help="which deciders")
    parser.add_argument("--runs", type=int, help="releases per cell, instead of 1000 good or 200 to 400 bad ones")
    parser.add_argument("--quick", action="store_true", help="100 good or 40 bad releases per cell")
    parser.add_argument("--again", action="store_true", help="also cells that are there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--list", action="store_true", help="only name the cells")
    parser.add_argument("--table", action="store_true", help="print tables of what is stored")
    parser.add_argument("--goals", action="store_true", help="compare what is stored with the goals")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw what is stored")
    return parser.parse_args(arguments)


def simulate(cells: list[Cell], folder: Path, options: argparse.Namespace) -> None:
    """Run what is not there yet, on all cores."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # a process per core is enough
    groups = GROUPS if options.who == "all" else (options.who,)
    if "ours" in groups and _ours() is None:
        print("relgate.backtest.ours is not there: peers only", file=sys.stderr)
        groups = tuple(group for group in groups if group != "ours")
    jobs = []
    for cell in sorted(cells, key=lambda cell: -cell.work):
        runs = options.runs or cell.runs(quick=options.quick)
        for group in groups:
            path = folder / f"{cell.file}.{group}.json"
            if options.again or _stored_runs(path) < runs:
                jobs.append((cell, group, runs, path))
    print(f"{len(jobs)} jobs", file=sys.stderr)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        oracles = {}
        if any(group == "peers" for _, group, _, _ in jobs):
            kinds = {_kind(cell): cell for cell, group, _, _ in jobs if group == "peers"}
            wanted = {
                kind: pool.submit(_oracle, cell, folder, 60 if options.quick else 400) for kind, cell in kinds.items()
            }
            oracles = {kind: future.result() for kind, future in wanted.items()}
        futures = {}
        for cell, group, runs, path in jobs:
            future = pool.submit(run_cell, cell, group, runs, path, oracles.get(_kind(cell)))
            futures[future] = f"{cell.id} {group}"
        for done, future in enumerate(as_completed(futures), 1):
            print(f"{done}/{len(jobs)} {futures[future]}: {future.result():.0f} s", file=sys.stderr)


def run_cell(cell: Cell, group: str, runs: int, path: Path, oracle: Argo | None) -> float:
    """Simulate one cell and store it; how long it took, seconds."""
    began = time.perf_counter()
    if group == "peers":
        assert oracle is not None
        deciders = peers(cell, oracle)
    else:
        make = _ours()
        assert make is not None
        deciders = list(make(cell.world))
    outcomes = race(cell.world, deciders, runs, _seed(cell.id))
    document = {
        "cell": cell.id,
        "seed": _seed(cell.id),
        "batch": batch_size(cell.world, runs),
        "outcomes": [outcome.to_json() for outcome in outcomes],
    }
    _write(path, document)
    return time.perf_counter() - began


def _ours():
    """Our deciders for a world: ``relgate.backtest.ours.deciders(world)``, or None where there are none."""
    try:
        from relgate.backtest.ours import deciders
    except ImportError:
        return None
    return deciders


def _kind(cell: Cell) -> tuple[str, float, str]:
    return cell.world_name, cell.rate, cell.judged


def _oracle(cell: Cell, folder: Path, runs: int) -> Argo:
    """Argo with the limit that rolls back 5 % of the good releases of this kind of world; kept in a file."""
    path = folder / f"oracle.{cell.world_name}.{cell.rate:g}rps.{cell.judged}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        return Argo(3, (cell.judged,), kept["p95_ratio"], kept["error_share"], kept["name"])
    good = replace(cell, effect="none", horizon_s=1800)
    argo = calibrated(good.world, cell.judged, runs, _seed(f"oracle {good.id}"))
    _write(path, {"p95_ratio": argo.p95_ratio, "error_share": argo.error_share, "name": argo.name, "runs": runs})
    return argo


def _seed(text: str) -> int:
    """A seed for each cell, the same on every machine and day."""
    return SEED + zlib.crc32(text.encode())


def _stored_runs(path: Path) -> int:
    try:
        return min(outcome["runs"] for outcome in json.loads(path.read_text())["outcomes"])
    except (OSError, ValueError, KeyError):
        return 0


def _write(path: Path, document: dict) -> None:
    """All of it or nothing: a run that is stopped leaves no half file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    part.replace(path)


if __name__ == "__main__":
    main()
