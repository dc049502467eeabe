"""What must be true before a rollout: what commands answered -> findings. Pure but for the file of the findings."""
