"""How the world is asked before a rollout: each question against something real."""
