"""A rollout as values: its plan, its states, what leads from one to the next, and the journal that it is read from."""
