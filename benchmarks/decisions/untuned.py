"""How often ours rolls back good releases in worlds that nothing was tuned for: none of them is a cell of ``run.py``.

    python benchmarks/decisions/untuned.py [--rate 10] [--runs 600] [WORLD ...]      # half a minute a world
    python benchmarks/decisions/untuned.py --histories 8 --rate 100 --runs 500 diurnal      # any world, other earlier bakes
    python benchmarks/decisions/untuned.py --declared 0.03 60 --rate 1000 --runs 400 pauses      # noise declared
    python benchmarks/decisions/untuned.py --measured-in iid --rate 100 --runs 200 pauses bursty     # hosts that changed since

Noise is measured from ten earlier bakes, as in ``run.py``, unless it is declared. A line for each world and rule.
The last three worlds were looked at when decision 40 was made; an error storm is two seconds of failures at 100 a second.
"""

import argparse
from dataclasses import replace

from relgate.backtest.noise import Pauses, Wander
from relgate.backtest.ours import Ours, deciders
from relgate.backtest.race import race
from relgate.backtest.worlds import BURSTY, WORLDS, Errors, Noise, World
from relgate.measure.drift import Noise as Known

UNTUNED = {
    "small-pauses": World(noise=Noise(pauses=Pauses(factor=1.5, last_s=1, every_s=10))),
    "slow-drift": World(noise=Noise(drift=Wander(sd=0.02, tau_s=600))),
    "fast-drift": World(noise=Noise(drift=Wander(sd=0.045, tau_s=10))),
    "load-swings": World(noise=Noise(load=Wander(sd=0.5, tau_s=10), drift=Wander(sd=0.03, tau_s=50))),
    "hard-pauses": World(
        noise=Noise(drift=Wander(sd=0.04, tau_s=100), pauses=Pauses(factor=10, last_s=5, every_s=120))
    ),
    "long-error-bursts": World(noise=BURSTY, errors=Errors(baseline=0.005, candidate=0.005, burst=30)),
    "many-errors": World(noise=BURSTY, errors=Errors(baseline=0.05, candidate=0.05, burst=8)),
    "error-storms": World(errors=Errors(baseline=0.02, candidate=0.02, burst=200)),
    "storms-5s": World(errors=Errors(storms=Pauses(factor=100, last_s=5, every_s=100))),
    "storms-8s": World(errors=Errors(storms=Pauses(factor=50, last_s=8, every_s=100))),
    "storms-20s": World(errors=Errors(storms=Pauses(factor=300, last_s=20, every_s=200))),
    "pauses-4s-30s": World(noise=Noise(pauses=Pauses(factor=3, last_s=4, every_s=30))),
    "pauses-5s-120s": World(noise=Noise(pauses=Pauses(factor=3, last_s=5, every_s=120))),
    "pauses-8s-100s": World(noise=Noise(pauses=Pauses(factor=5, last_s=8, every_s=100))),
}
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10.0, help="requests per second to each side")
    parser.add_argument("--runs", type=int, default=600, help="good releases in each world")
    parser.add_argument("--declared", type=float, nargs=2, metavar=("DRIFT", "SECONDS"), help="instead of measuring")
    parser.add_argument("--histories", type=int, default=1, help="sets of ten earlier bakes, each judged with in turn")
    parser.add_argument("--measured-in", metavar="WORLD", help="where earlier bakes were, if not in the same world")
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help="of these, or of run.py; all of these")
    options = parser.parse_args()
    for name in options.worlds or UNTUNED:
        world = replace((UNTUNED | WORLDS)[name], rate=options.rate)
        before = replace((UNTUNED | WORLDS)[options.measured_in or name], rate=options.rate)
        for history in range(1, options.histories + 1):
            rules = [Ours(Known(*options.declared))] if options.declared else deciders(before, history)
            for outcome in race(world, rules, options.runs, SEED):
                low, high = outcome.interval
                print(
                    f"{name}, {options.rate:g}/s, {outcome.decider}: {outcome.rolled_back} of {outcome.runs} rolled back, "
                    f"{100 * outcome.share:.1f} % ({100 * low:.1f} to {100 * high:.1f}), {outcome.promoted} promoted",
                    flush=True,
                )


if __name__ == "__main__":
    main()
