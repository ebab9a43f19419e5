import numpy as np
import pytest

from anomaly.tables import BadTable, read_table
from anomaly.tables.times import NotATime, times_ns

SECOND = 1_000_000_000


@pytest.fixture
def file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "export.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_times_numbers_and_texts_stand_apart(file):
    table = read_table(file("time,压力,state,flow\n2024-01-31 08:00:00,1.5,run,\n2024-01-31 08:00:01,NaN,idle,-2e1\n"))
    assert table.names == ("压力", "flow")
    assert table.texts == {"state": ["run", "idle"]}
    np.testing.assert_array_equal(table.values, [[1.5, np.nan], [np.nan, -20.0]])
    assert np.diff(table.time_ns).tolist() == [SECOND]
    assert table.time_text == ["2024-01-31 08:00:00", "2024-01-31 08:00:01"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(file, encoding, delimiter):
    table = read_table(file(f"时间{delimiter}温度\r\n1{delimiter}20\r\n2{delimiter}21\r\n", encoding))
    assert table.names == ("温度",)
    assert table.values.tolist() == [[20.0], [21.0]]


def test_decimal_commas_between_semicolons(file):
    assert read_table(file("t;a\n1;2,5\n2;-3,0e1\n")).values.tolist() == [[2.5], [-30.0]]


def test_order_and_repeats_stay(file):
    table = read_table(file("t,a\n3,1\n1,2\n1,3\n"))
    assert table.time_ns.tolist() == [3 * SECOND, SECOND, SECOND]
    assert table.column("a").tolist() == [1, 2, 3]


def test_named_time_column_and_text_columns(file):
    table = read_table(file("unit,time,a\n7,1,5\n7,2,6\n"), time="time", text=("unit",))
    assert table.texts == {"unit": ["7", "7"]}
    assert table.names == ("a",)


def test_without_a_time_column_rows_are_a_second_apart(file):
    table = read_table(file("a\n5\n6\n"), time=None)
    assert table.names == ("a",)
    assert table.time_ns.tolist() == [0, SECOND]


def test_a_quoted_cell_may_hold_delimiters_and_lines(file):
    table = read_table(file('t,note,a\n1,"pump, left\nleaks",4\n2,,5\n'))
    assert table.texts["note"] == ["pump, left\nleaks", ""]
    assert table.lines == [2, 4]


def test_an_empty_table_keeps_its_names(file):
    table = read_table(file("t,a,b\n"))
    assert len(table) == 0
    assert table.names == ("a", "b")
    assert table.values.shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("t,a\n1,2\nsoon,3\n", "line 3, column 't': 'soon' is no time"),
        ("t,a\n1,2\n2,3,4\n", "line 3: 3 cells, but 2 columns"),
        ("t,a\n1,2\n2,3\n3,oops\n", "line 4, column 'a': 'oops' is no number"),
        ("t,a,a\n1,2,3\n", "two columns are called 'a'"),
    ],
)
def test_bad_files_are_told_with_place_and_way_out(file, text, words):
    with pytest.raises(BadTable, match=words):
        read_table(file(text))


def test_no_such_file_and_no_such_column(file, tmp_path):
    with pytest.raises(BadTable, match="No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(BadTable, match="no column 'time'; there are 't', 'a'"):
        read_table(file("t,a\n1,2\n"), time="time")


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31T08:00:00Z", "2024-01-31T16:00:00+08:00", "2024-01-31 08:00", "2024/1/31 8:00:00",
        "31.01.2024 08:00:00", "1706688000", "1706688000000", "1706688000000000", "1706688000000000000",
    ],
)  # fmt: skip
def test_forms_of_a_time(text):
    assert times_ns([text]).tolist() == [1_706_688_000 * SECOND]


def test_plain_numbers_count_seconds():
    assert times_ns(["-3", "0", "0.25"]).tolist() == [-3 * SECOND, 0, SECOND // 4]


@pytest.mark.parametrize("texts", [["1", "2024-01-01"], ["2024-01-01", "x"], ["inf"], ["1", "1e30"]])
def test_what_is_no_time(texts):
    with pytest.raises(NotATime):
        times_ns(texts)
