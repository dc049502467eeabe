"""What the policy asks before a rollout: one gate for each thing that must be true."""


def test_preflight(gate, gate_id):
    """The answer is the one that the policy expects."""
    gate.judge(gate_id)
