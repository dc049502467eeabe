"""Pages for people: a run's stored evidence and its decision, as ``report.html``."""
