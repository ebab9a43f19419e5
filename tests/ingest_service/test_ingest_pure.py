"""Ledger arithmetic, grouping, COPY bytes and row building, without a database."""

import asyncio
import json
import struct
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.collector import Lane
from ingest_service.copy_format import ROW, SIGNATURE, TRAILER, TextRow, empty_rows, encode_rows, encode_texts
from ingest_service.delivery import NO_RUN, Message, deliver, read
from ingest_service.grouper import Grouper
from ingest_service.ledger import RANGES_MOST, Ranges, Stored, Verdict, advance, judge
from ingest_service.receipts import credit
from ingest_service.rows import prepare
from ingest_service.series_map import UNKNOWN, SeriesMap
from ingest_service.settings import CreditSettings, GroupSettings
from protocols.sample import Quality, Reason, ValueKind, bad, quality_code
from tests.ingest_service.ingest_parts import NOW_NS, column, delivery, payload, simple

GOLDEN = Path(__file__).parent.parent / "golden"


# --- ledger -----------------------------------------------------------------------------------------------------


@given(st.lists(st.sets(st.integers(1, 60)), max_size=8))
def test_ranges_hold_exactly_what_was_added(additions):
    ranges, truth = Ranges(), set()
    for numbers in additions:
        ranges = ranges.adding(numbers)
        truth |= numbers
        assert {seq for seq in range(70) if seq in ranges} == truth
        assert all(a[1] + 1 < b[0] for a, b in zip(ranges.items, ranges.items[1:], strict=False))


def test_a_contiguous_run_is_one_range():
    assert Ranges().adding([3, 1, 2]).adding([4]).as_multirange() == "{[1,4]}"
    assert Ranges(((1, 2), (4, 5))).adding([3]).items == ((1, 5),)


def test_new_repeated_and_conflicting_deliveries_are_told_apart():
    run = uuid4()
    first, second = simple(1, run=run), simple(2, run=run, values=[5.0])
    clone = simple(2, run=run, values=[6.0])
    account = first.account
    committed = {account: Ranges(((1, 1),))}
    verdicts = judge([first, second, second, clone], committed, {(account, 1): Stored(first.sha256)})
    assert verdicts == [Verdict.REPEATED, Verdict.STORE, Verdict.REPEATED, Verdict.CONFLICT]
    assert advance([first, second, second, clone], verdicts, committed)[account].items == ((1, 2),)


def test_a_committed_number_with_another_hash_is_a_conflict_and_never_a_repetition():
    one = simple(7)
    committed = {one.account: Ranges(((1, 9),))}
    assert judge([one], committed, {(one.account, 7): Stored(b"other")}) == [Verdict.CONFLICT]
    assert judge([one], committed, {}) == [Verdict.REPEATED]


def test_a_run_full_of_holes_is_not_made_more_ragged_but_may_be_mended():
    one = simple(2 * RANGES_MOST + 10)
    mending = simple(2, run=one.account.run_id)
    ragged = {one.account: Ranges(tuple((2 * n + 1, 2 * n + 1) for n in range(RANGES_MOST)))}
    assert judge([one, mending], ragged, {}) == [Verdict.DEFER, Verdict.STORE]


def test_a_payload_that_nobody_can_place_is_buried_and_a_placed_one_is_rejected():
    nowhere = delivery(b"LWgarbage")
    data = payload(column([1.0]), run=uuid4(), seq=3)
    damaged = delivery(data[:-8])
    assert nowhere.account is None
    assert judge([nowhere, damaged], {damaged.account: Ranges()}, {}) == [Verdict.BURY, Verdict.REJECT]


def test_batches_without_a_sequence_leave_no_holes():
    message = Message("lw/1/demo/dev/up/data", b'{"ts":1790000000000,"values":{"a":1}}')
    one = deliver(message, read(message), UUID(int=1))
    assert one.account.run_id == NO_RUN
    committed = {one.account: Ranges()}
    assert judge([one, one], committed, {}) == [Verdict.STORE, Verdict.STORE]  # told from a repetition sample by sample
    assert advance([one], [Verdict.STORE], committed) == committed


# --- grouping and credit ----------------------------------------------------------------------------------------


def test_a_group_closes_at_the_first_limit_it_reaches():
    grouper = Grouper(GroupSettings(rows_most=5, bytes_most=10_000, age_s=0.5))
    assert grouper.due_in_s(0) is None
    grouper.add(simple(1), 0)
    assert grouper.due_in_s(200_000_000) == pytest.approx(0.3)
    assert grouper.due_in_s(900_000_000) == 0
    grouper.add(simple(2), 0)
    assert not grouper.is_full
    grouper.add(simple(3), 0)
    assert grouper.is_full
    assert grouper.due_in_s(0) == 0
    assert len(grouper.take()) == 3
    assert grouper.due_in_s(0) is None
    grouper.add(delivery(bytes(20_000)), 0)
    assert grouper.is_full


def test_a_group_that_is_due_grows_while_the_one_before_it_waits():
    lane = Lane(Grouper(GroupSettings(rows_most=5, age_s=0.5)), asyncio.Queue(maxsize=1))
    assert lane.emits_in_s(0) is None
    lane.grouper.add(simple(1), 0)
    assert lane.emits_in_s(200_000_000) == pytest.approx(0.3)
    assert lane.emits_in_s(900_000_000) == 0
    lane.ready.put_nowait(prepare([simple(2)], NOW_NS))
    assert 0 < lane.emits_in_s(900_000_000) < 0.1
    lane.ready.get_nowait()
    assert lane.emits_in_s(900_000_000) == 0


def test_credit_shrinks_with_a_full_queue_and_a_slow_commit_but_never_to_nothing():
    settings = CreditSettings(most=100, commit_target_s=1.0)
    assert credit(settings, 0.0, 0.1) == 100
    assert credit(settings, 0.5, 0.1) == 100
    assert credit(settings, 0.75, 0.1) == 50
    assert credit(settings, 0.0, 4.0) == 25
    assert credit(settings, 1.0, 100.0) == 1


# --- rows -------------------------------------------------------------------------------------------------------


def test_aliases_become_series_and_unknown_ones_are_told():
    series = SeriesMap.of({7: 70, 3: 30})
    assert series.find(np.array([3, 7, 5, 9, 0], np.uint32)).tolist() == [30, 70, UNKNOWN, UNKNOWN, UNKNOWN]
    assert SeriesMap.of({}).find(np.array([1], np.uint32)).tolist() == [UNKNOWN]


def test_rows_of_a_group_are_sorted_by_series_and_time():
    late = simple(2, values=[1.0, 2.0], times_ns=[NOW_NS + 2_000_000_000] * 2)
    early = simple(1, values=[3.0, 4.0], times_ns=[NOW_NS + 1_000_000_000] * 2)
    prepared = prepare([late, early], NOW_NS)
    assert prepared.rows["series"].tolist() == [100, 100, 101, 101]
    assert prepared.rows["value"].tolist() == [3.0, 1.0, 4.0, 2.0]
    assert prepared.batch_of_row.tolist() == [1, 0, 1, 0]
    without_late = prepared.keeping([False, True])
    assert without_late.rows["value"].tolist() == [3.0, 4.0]


def test_one_impossible_sample_does_not_cost_its_neighbours():
    times = [NOW_NS, 0, NOW_NS + 299 * 10**9, NOW_NS + 301 * 10**9, 4_070_908_800 * 10**9, NOW_NS]
    one = simple(1, values=[1, 2, 3, 4, 5, 6], times_ns=times, aliases=[0, 1, 2, 3, 4, 99])
    prepared = prepare([one], NOW_NS)
    assert prepared.rows["value"].tolist() == [1, 3]
    assert sorted((stray.alias, stray.reason, stray.value) for stray in prepared.strays) == [
        (1, "impossible_time", "2.0"),
        (3, "impossible_time", "4.0"),
        (4, "impossible_time", "5.0"),
        (99, "unknown_alias", "6.0"),
    ]
    assert not prepared.keeping([False]).strays


def test_what_is_no_number_is_bad_with_a_reason_and_never_a_value():
    unknown_quality = 0x0700
    one = simple(
        1, values=[np.nan, np.inf, 1.5, 2.5, np.nan, 3.5], codes=[0, 0x0107, 0x0107, 0x0201, 0x0201, unknown_quality]
    )
    qualities = prepare([one], NOW_NS).rows["quality"].tolist()
    assert qualities == [
        bad(Reason.NAN),
        bad(Reason.NAN),
        quality_code(Quality.UNCERTAIN, Reason.CLAMPED),
        bad(Reason.TIMEOUT),
        bad(Reason.TIMEOUT),
        bad(Reason.UNDECODABLE),
    ]


def test_texts_go_their_own_way():
    texts = column(["läuft", "", "nul\0"], kind=ValueKind.TEXT, codes=[0, 0x0201, 0])
    numbers = column([1, 0], kind=ValueKind.BOOL, aliases=[8, 9])
    prepared = prepare([delivery(payload(texts, numbers, run=uuid4(), seq=1))], NOW_NS)
    assert [(row.series, row.value) for row in prepared.texts] == [(100, "läuft"), (101, None), (102, "nul␀")]
    assert prepared.rows["value"].tolist() == [1.0, 0.0]


# --- COPY -------------------------------------------------------------------------------------------------------


def golden_stream() -> bytes:
    rows = empty_rows(3)
    rows["time_us"] = [0, 1, -1]
    rows["value"] = [1.5, 0.0, -2.25]
    rows["series"] = [1, 2, 3]
    rows["arrived"] = 29_000_000
    rows["quality"] = [0, bad(Reason.TIMEOUT), 0x0107]
    return b"".join(encode_rows(rows))


def test_copy_bytes_are_the_ones_that_were_agreed():
    golden = json.loads((GOLDEN / "copy_rows.json").read_text())
    assert golden_stream().hex() == golden["samples"]
    texts = [TextRow(0, 5, 9, 0, "é"), TextRow(0, 6, 9, 513, None)]
    assert b"".join(encode_texts(texts)).hex() == golden["texts"]


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.booleans()), max_size=40))
def test_null_rows_are_cut_out_as_a_row_by_row_writer_would(cells):
    rows = empty_rows(len(cells))
    rows["value"] = [value for value, _ in cells]
    rows["series"] = range(len(cells))
    rows["quality"] = [bad(Reason.STALE) if is_bad else 0 for _, is_bad in cells]
    expected = b"".join(
        struct.pack(">hiq", 5, 8, 0)
        + (struct.pack(">i", -1) if is_bad else struct.pack(">id", 8, value))
        + struct.pack(">iiiiih", 4, n, 4, 0, 2, bad(Reason.STALE) if is_bad else 0)
        for n, (value, is_bad) in enumerate(cells)
    )
    assert b"".join(encode_rows(rows)) == SIGNATURE + expected + TRAILER
    assert ROW.itemsize == 48
