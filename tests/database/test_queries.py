"""Named SQL beside its store."""

import pytest

from database import DatabaseError
from database.queries import load_queries


def load(tmp_path, text):
    (tmp_path / "queries.sql").write_text(text)
    return load_queries(str(tmp_path / "store.py"))


def test_blocks_come_by_name_without_their_heading(tmp_path):
    queries = load(
        tmp_path, "-- About orders.\n\n-- one -- the first\nSELECT 1;\n\n-- two -- the second\n-- why\nSELECT %(x)s\n"
    )
    assert queries.one == "SELECT 1"
    assert queries.two == "-- why\nSELECT %(x)s"


def test_a_missing_block_names_the_file(tmp_path):
    queries = load(tmp_path, "-- one -- the first\nSELECT 1")
    with pytest.raises(AttributeError, match=r"queries\.sql has no block `-- three"):
        _ = queries.three


@pytest.mark.parametrize("text", ["SELECT 1", "-- one -- a\nSELECT 1\n-- one -- b\nSELECT 2"])
def test_sql_without_a_name_or_with_a_taken_one_is_refused(tmp_path, text):
    with pytest.raises(DatabaseError, match=r"queries\.sql"):
        load(tmp_path, text)
