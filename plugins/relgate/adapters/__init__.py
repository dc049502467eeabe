"""What touches the world: one file for each outside library."""
