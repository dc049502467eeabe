"""Releases whose truth is known: simulated worlds, the rules of others, and a race between deciders.

Nothing here judges a real release. ``worlds`` makes the traffic of a good or a bad release, second by second;
``peers`` decides on it as other tools do; ``race`` lets several deciders watch the same traffic and counts who rolled
back what, and when.
"""
