"""Smoke paths: their parts, and whole sessions against a small service of the tests' own, in a real Chromium."""
