"""What dashboards keep."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relgate.backtest.windows import METRICS, Windows, p95
from tests.backtest.samples import steady


@given(arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 50)), elements=st.floats(0, 1, width=32)))
def test_p95_is_numpy_s(latency: np.ndarray) -> None:
    """The quantile of a window is the linear one."""
    np.testing.assert_allclose(p95(latency), np.quantile(latency.astype(float), 0.95, axis=1), rtol=1e-6)


def test_a_window_closes_with_its_last_second() -> None:
    """A point appears when its window is over, and holds that window's requests alone."""
    windows = Windows(2, 3, METRICS)
    for t_s, latency in enumerate([0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 9.0]):
        windows.see(steady(t_s, latency, failed=1, runs=2))
        assert windows.points("latency").candidate.shape == (2, (t_s + 1) // 3)
    np.testing.assert_allclose(windows.points("latency").candidate, [[0.1, 0.5]] * 2, rtol=1e-6)
    np.testing.assert_allclose(windows.points("latency").baseline, [[0.1, 0.1]] * 2, rtol=1e-6)
    np.testing.assert_allclose(windows.points("errors").candidate, [[0.1, 0.1]] * 2)
    np.testing.assert_allclose(windows.points("errors").baseline, 0)


def test_a_window_without_requests_has_no_value() -> None:
    """Nothing due, nothing known: NaN, not 0."""
    windows = Windows(2, 1, METRICS)
    windows.see(steady(0, 0.1, n=0, runs=2))
    for metric in METRICS:
        assert np.isnan(windows.points(metric).candidate).all()
        assert windows.points(metric).candidate.shape == (2, 1)
