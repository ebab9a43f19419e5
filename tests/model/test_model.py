"""The model of the receipt protocol, shortly; and the mistakes that it has to find."""

import pytest

from tests.model.flaws import FLAWED
from tests.model.histories import play
from tests.model.machine import Protocol

HISTORIES = 200


@pytest.mark.long
def test_200_histories_break_no_rule():
    play(Protocol, HISTORIES, 7)
    played = Protocol.played
    for what in ("machines copied while running", "images put back", "databases restored", "conflicts flagged"):
        assert played[what] > 10, what


@pytest.mark.parametrize("flawed", FLAWED, ids=lambda flawed: flawed.__name__)
def test_a_mistake_is_found(flawed):
    with pytest.raises(AssertionError):
        play(flawed, HISTORIES, 1, shrink=False)


def twins() -> Protocol:
    """A machine was copied while it ran; then each of the two has measured once."""
    world = Protocol()
    world.begin()
    world.copy_running_machine(box=0)
    world.measure(box=0, count=1)
    world.measure(box=1, count=1)
    return world


def test_of_two_twins_one_sample_is_stored_and_the_other_flagged():
    world = twins()
    world.teardown()
    assert world.cloud.conflicts
    assert world.cloud.now.letters


def test_every_older_run_is_asked_for_after_the_database_went_back():
    world = Protocol()
    world.begin()
    world.back_up()
    world.restart_again_and_again(box=0, times=10)
    for _ in range(3):
        world.a_good_while(box=0, told=True)
    assert not world.boxes[0].delivery.open
    world.go_back(backup=0)
    world.teardown()


@pytest.mark.xfail(strict=True, reason="a receipt names numbers and not contents: a twin takes it for its own")
def test_a_twin_does_not_forget_what_no_worker_has_seen():
    world = twins()
    world.connect(1)
    world.send(20)
    for _ in range(2):
        world.lose(0, after_puback=True)
    world.connect(0)
    world.send(20)
    world.worker([0, 0], "commits")
    world.connect(1)
    try:
        while world.receipts:
            world.receipt(0, "arrives")
        assert world.boxes[1].delivery.open
    finally:
        world.teardown()
