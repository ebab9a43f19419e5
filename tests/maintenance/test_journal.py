"""Any legal life of an order keeps its stamps and a whole chain; any change of the chain is found."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maintenance import journal, orders
from maintenance.records import STAMPS, Event, State
from tests.maintenance.plant import ACTORS, NOW, facts, order, request


def life(seed: int, steps: int):
    """A random legal life: the order after every step, and the sealed events."""
    dice = random.Random(seed)
    current, chain, lived, now = order(), [], [], NOW
    born = Event(current.id, 1, current.id, "create", None, current.state, None, "linewright", NOW)
    chain.append(journal.seal(born, journal.GENESIS))
    for _ in range(steps):
        now += timedelta(seconds=dice.randint(1, 86_400))
        choices = [
            (choice.action, actor) for actor in ACTORS.values() for choice in orders.allowed(current, actor, now)
        ]
        if not choices:
            break
        action, actor = dice.choice(choices)
        if action == "cancel" and dice.random() < 0.9:
            continue  # most orders live to the end
        asked = request(action, request_id=UUID(int=dice.getrandbits(128)))
        current, event = orders.apply(current, asked, actor, facts(now=now))
        chain.append(journal.seal(event, chain[-1].hash))
        lived.append((current, event))
    return lived, chain


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**63), st.integers(1, 40))
def test_earlier_stamps_survive_and_the_chain_verifies(seed, steps):
    lived, chain = life(seed, steps)
    ever: dict[str, set[datetime]] = {name: set() for name in STAMPS}
    kept: dict[str, set[datetime]] = {name: set() for name in STAMPS}
    for number, (after, event) in enumerate(lived):
        assert after.version == event.seq == number + 2
        for name, text in event.data.get("replaced", {}).items():
            kept[name].add(datetime.fromisoformat(text))
        for name in STAMPS:
            stamp = getattr(after, name)
            assert stamp is not None or not ever[name], f"{name} was lost by {event.action}"
            if stamp:
                ever[name].add(stamp)
            assert ever[name] <= kept[name] | {stamp}
    assert journal.verify(chain, len(chain)) is None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63), st.data())
def test_one_changed_field_is_found_where_it_stands(seed, data):
    _, chain = life(seed, 12)
    at = data.draw(st.integers(0, len(chain) - 1))
    victim = chain[at].event
    changed = data.draw(
        st.sampled_from(
            [
                {"actor_name": victim.actor_name + "x"},
                {"server_time": victim.server_time + timedelta(microseconds=1)},
                {"reason": (victim.reason or "") + " "},
                {"to_state": "CLOSED" if victim.to_state != "CLOSED" else "DONE"},
                {"data": {**victim.data, "extra": 1}},
                {"request_id": uuid4()},
            ]
        )
    )
    forged = [*chain[:at], replace(chain[at], event=replace(victim, **changed)), *chain[at + 1 :]]
    assert journal.verify(forged, len(forged)) == at + 1


def test_one_flipped_bit_of_a_hash_is_found():
    _, chain = life(1, 30)
    for at, sealed in enumerate(chain):
        flipped = bytes([sealed.hash[0] ^ 1]) + sealed.hash[1:]
        assert journal.verify([*chain[:at], replace(sealed, hash=flipped), *chain[at + 1 :]], len(chain)) == at + 1


def test_a_cut_and_a_hole_are_found():
    _, chain = life(2, 30)
    assert len(chain) > 3
    assert journal.verify(chain[:-1], len(chain)) == len(chain)
    assert journal.verify([*chain[:1], *chain[2:]], len(chain)) == 2
    assert journal.verify(chain, len(chain) - 1) == len(chain)
    assert journal.verify([], 1) == 1


def test_a_rewritten_event_breaks_the_chain_even_when_it_is_sealed_again():
    _, chain = life(3, 30)
    forged = journal.seal(replace(chain[1].event, reason="nothing happened"), chain[0].hash)
    assert journal.verify([chain[0], forged, *chain[2:]], len(chain)) == 3


def test_a_rewritten_event_whose_follower_is_made_to_point_to_it_is_found_at_the_follower():
    _, chain = life(3, 30)
    forged = journal.seal(replace(chain[1].event, reason="nothing happened"), chain[0].hash)
    bent = replace(chain[2], hash_prev=forged.hash)
    assert journal.verify([chain[0], forged, bent, *chain[3:]], len(chain)) == 3


@pytest.mark.parametrize("state", State)
def test_the_canonical_text_is_the_same_for_equal_times(state):
    event = Event(UUID(int=1), 1, UUID(int=2), "note", None, state, None, "张伟", NOW)
    other = replace(event, server_time=NOW.astimezone(datetime.strptime("+0800", "%z").tzinfo))
    assert journal.canonical(event) == journal.canonical(other)
    assert "张伟".encode() in journal.canonical(event)
