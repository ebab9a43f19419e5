import contextlib
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import Invalid, cursors


def test_a_cursor_comes_back_as_the_key_it_was_made_from():
    at, row = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC), uuid4()
    assert cursors.time_and_id(cursors.encode(at, row)) == (at, row)
    assert cursors.text(cursors.encode("pump-1")) == "pump-1"
    assert cursors.text(None) is None
    assert cursors.time_and_id(None) is None


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_told_and_never_more_than_that(made_up):
    for read in (cursors.text, cursors.time_and_id):
        with contextlib.suppress(Invalid):
            assert read(made_up) is not None


def test_a_cursor_of_another_list_is_refused():
    with pytest.raises(Invalid):
        cursors.time_and_id(cursors.encode("pump-1"))
    with pytest.raises(Invalid):
        cursors.text(cursors.encode(datetime.now(UTC), uuid4()))
    with pytest.raises(Invalid):
        cursors.text(cursors.encode("a\0b"))
