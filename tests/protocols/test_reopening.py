"""When a lost line may be tried again."""

from protocols.reopening import Reopening
from runtime.clock import ManualClock


def test_nobody_wants_it() -> None:
    assert not Reopening(ManualClock(), 5).due


def test_later_and_later_but_never_later_than_said() -> None:
    clock = ManualClock()
    reopening = Reopening(clock, 5)
    reopening.now()
    assert reopening.due
    pauses = []
    for _ in range(60):
        reopening.failed()
        before_ns = clock.monotonic_ns()
        while not reopening.due:
            clock.advance(0.01)
        pauses.append((clock.monotonic_ns() - before_ns) / 1e9)
    assert pauses[0] <= 0.21
    assert 1 < max(pauses) <= 5.01


def test_a_good_time_and_a_new_wish_start_over() -> None:
    clock = ManualClock()
    reopening = Reopening(clock, 5)
    reopening.now()
    for _ in range(20):
        reopening.failed()
    reopening.succeeded()
    reopening.failed()
    clock.advance(0.21)
    assert reopening.due
    reopening.failed()
    reopening.now()
    assert reopening.due
    reopening.wanted = False
    assert not reopening.due
