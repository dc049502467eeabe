"""A small web shop with good and bad releases: the service that release gates are proven on.

It runs from a checkout (``python -m examples.shop``) and from an installed wheel (``python -m relgate_suites.shop``);
everything inside imports relatively and finds its templates beside its own files.
"""
