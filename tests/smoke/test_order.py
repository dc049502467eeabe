"""In which order paths run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.smoke.order import OrderError, depths, unknown

LAYERED = st.integers(1, 12).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            f"p{i}": st.lists(st.sampled_from([f"p{j}" for j in range(i)]), unique=True) if i else st.just([])
            for i in range(n)
        }
    )
)


@given(LAYERED)
def test_a_path_runs_after_all_that_it_needs(needs: dict[str, list[str]]) -> None:
    """Whatever hangs together how."""
    found = depths(needs)
    assert all(found[path] > found[before] for path, names in needs.items() for before in names)
    assert all(found[path] == 0 for path, names in needs.items() if not names)


@given(LAYERED, st.data())
def test_a_circle_is_found_and_named(needs: dict[str, list[str]], data: st.DataObject) -> None:
    """Every path of it."""
    path = data.draw(st.sampled_from(sorted(needs)))
    needs = {**needs, path: [*needs[path], path]}
    with pytest.raises(OrderError, match=f"{path} after {path}"):
        depths(needs)


def test_a_name_that_is_no_path_is_found() -> None:
    """With those that there are."""
    assert unknown({"a": ["b"]}, ["a", "b"]) is None
    assert unknown({"a": ["c"]}, ["a", "b"]) == "a comes after 'c', which is no path of the policy: it has a, b"
