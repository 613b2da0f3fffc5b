"""Work ahead keeps its order, its bound and its errors."""

import threading
import time
from collections.abc import Iterator

import pytest

from harvest.ahead import map_ahead


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers: int) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(map_ahead(slow_at_first, range(20), workers, 4)) == [number * number for number in range(20)]


def test_no_more_is_taken_than_is_ahead_and_the_taker_is_the_caller() -> None:
    taken, takers = [], set()

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            takers.add(threading.get_ident())
            yield number

    results = map_ahead(abs, items(), 2, 3)
    assert next(results) == 0
    assert len(taken) == 3
    assert next(results) == 1
    assert len(taken) == 4
    results.close()
    assert takers == {threading.get_ident()}


def test_an_error_comes_in_its_turn() -> None:
    results = map_ahead(lambda number: 1 // (number - 1), range(3), 2, 3)
    assert next(results) == -1
    with pytest.raises(ZeroDivisionError):
        next(results)
