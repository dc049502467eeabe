"""The runner of a rollout: it sets traffic, has gates judged, records, goes on, holds or goes back."""
