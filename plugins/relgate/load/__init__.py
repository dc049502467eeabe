"""Load on a real engine: what happens in Locust's processes, and how they are started, watched and ended."""
