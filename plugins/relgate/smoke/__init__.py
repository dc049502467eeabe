"""Smoke paths: steps, what pages must keep, order, what was created. Values and files; no browser, no network."""
