"""How hypothesis works here: a busy machine is no failure, so examples have no deadline."""

from hypothesis import HealthCheck, settings

settings.register_profile("relgate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("relgate")
