"""Worlds, the rules of others, and races between them."""
