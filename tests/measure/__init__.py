"""Tests of the arithmetic: numbers against tables, other implementations and simulations."""
