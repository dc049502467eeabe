"""The recorder: a process of its own that samples the world on a schedule and stores raw samples."""
