"""Wiring of this checkout, and the example to copy: what your own gates share with each other goes here.

relgate itself is a pytest plugin that an installed package registers; nothing has to be imported for it.
"""

pytest_plugins = ["pytester"]
