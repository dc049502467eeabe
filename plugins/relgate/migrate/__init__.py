"""Proving on a real database that migrations can be taken back."""
