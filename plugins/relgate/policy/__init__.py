"""The policy language: YAML text -> Policy, all faults at once, each with line and column."""

from relgate.policy import limits
from relgate.policy.environments import Auth, Environment, Noise, Target
from relgate.policy.load import load
from relgate.policy.model import Gate, Policy, Signal, Stage
from relgate.policy.reference import reference
from relgate.policy.risk import Risk
from relgate.policy.schema import json_schema

__all__ = [
    "Auth",
    "Environment",
    "Gate",
    "Noise",
    "Policy",
    "Risk",
    "Signal",
    "Stage",
    "Target",
    "json_schema",
    "limits",
    "load",
    "reference",
]
