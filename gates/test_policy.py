"""Every other gate that the policy defines on a signal: it needs no test of its own."""


def test_gate(gate, gate_id):
    """The signal stays within the limits of the policy."""
    gate.judge(gate_id)
