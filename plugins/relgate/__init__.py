"""relgate: release gates as pytest tests, and a decision with a known chance of being wrong."""

__version__ = "0.1.0"
