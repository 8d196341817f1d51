"""The same work on many things at once: what an interruption waits for."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import pytest

from pipeline.abreast import abreast


@pytest.mark.parametrize("items", [[1], [2, 1]])
def test_what_has_begun_and_is_to_end_does_so_where_a_signal_comes(items: list[int]) -> None:
    """A write that was recorded is told also when Ctrl-C comes between the two."""
    come, other, done = threading.Event(), threading.Event(), list[int]()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        come.set()
        raise KeyboardInterrupt

    def work(item: int) -> None:
        if item == 1:
            assert len(items) == 1 or other.wait(30)
            os.kill(os.getpid(), signal.SIGINT)
        other.set()
        assert come.wait(30)
        done.append(item)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            abreast(work, items, to_its_end=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(done) == sorted(items)


def test_one_alone_has_the_thread_of_its_caller() -> None:
    assert abreast(lambda _: threading.current_thread(), [1]) == (threading.current_thread(),)
    assert abreast(str, []) == abreast(str, [], to_its_end=True) == ()
