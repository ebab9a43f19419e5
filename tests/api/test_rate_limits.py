import pytest

from api import TooMany
from api.limits import Buckets, Rate, address_key
from runtime.clock import ManualClock


def test_a_bucket_gives_its_burst_then_one_every_period():
    clock = ManualClock()
    buckets = Buckets("tries", Rate(burst=3, per_s=10), clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany) as refused:
        buckets.take("a")
    assert 9 < refused.value.retry_after_s <= 10
    clock.advance(refused.value.retry_after_s)
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_keys_do_not_share_and_a_give_back_is_as_if_nothing_was_taken():
    buckets = Buckets("tries", Rate(burst=1, per_s=10), ManualClock())
    buckets.take("a")
    buckets.take("b")
    buckets.give_back("a")
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("b")


def test_memory_is_bounded_and_the_key_in_use_is_kept():
    buckets = Buckets("tries", Rate(burst=2, per_s=1e6), ManualClock())
    for number in range(25_000):
        if number % 1000 == 0 and number < 2000:
            buckets.take("busy")
        buckets.take(str(number))
    assert len(buckets) == 10_000


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_household_is_one_caller(host, key):
    assert address_key(host) == key
