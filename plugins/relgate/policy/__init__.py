"""The policy language: YAML text -> Policy, all faults at once, each with line and column."""

from relgate.policy import limits
from relgate.policy.load import load
from relgate.policy.model import Auth, Environment, Gate, Policy, Signal, Stage, Target
from relgate.policy.reference import reference
from relgate.policy.schema import json_schema

__all__ = [
    "Auth",
    "Environment",
    "Gate",
    "Policy",
    "Signal",
    "Stage",
    "Target",
    "json_schema",
    "limits",
    "load",
    "reference",
]
