"""Passwords."""

import pytest

from device_registry import WeakPassword, people


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("planner", "short"),
        ("planner", "a" * 129),
        ("planner", "aaaaaaaaaaaa"),
        ("planner", "Password123"),
        ("planner", "planner12345"),
        ("planner", ""),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(login, password):
    with pytest.raises(WeakPassword, match="password"):
        people.check_password(login, password)


LONG = ["correct horse battery", "泵房的钥匙在门卫那里呢", people.random_password()]


@pytest.mark.parametrize("password", LONG, ids=["en", "zh", "made"])
def test_a_long_one_of_any_script_is_fine(password):
    people.check_password("planner", password)
    kept = people.hash_password(password)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert people.verify_password(kept, password)
    assert not people.verify_password(kept, password + " ")


def test_nobody_never_fits_even_with_the_password_behind_the_decoy():
    assert not people.verify_password(None, "nobody has this password")
    assert not people.verify_password("no hash at all", "x")
