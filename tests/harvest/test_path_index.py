"""An index of paths: in order, each once, the last row of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.sources.path_index import PathIndex

NAMES = st.text(st.characters(codec="utf-8"), max_size=4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NAMES, st.integers(-(2**63), 2**63 - 1))), NAMES)
def test_an_index_is_a_sorted_dict(rows: list[tuple[str, int]], other: str) -> None:
    index = PathIndex(((path, (number, 1)) for path, number in rows), 2)
    expected = {path: (number, 1) for path, number in rows}
    assert list(index) == sorted(expected.items())
    assert len(index) == len(expected)
    for path in [*expected, other]:
        assert index.find(path) == expected.get(path)


def test_a_large_index_is_one() -> None:
    index = PathIndex(((f"{number % 50_000:05}", (number,)) for number in range(100_000)), 1)
    assert len(index) == 50_000
    assert index.find("49999") == (99_999,)
    assert [path for path, _ in index] == [f"{number:05}" for number in range(50_000)]
