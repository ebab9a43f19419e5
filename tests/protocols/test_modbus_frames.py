"""Framing without a line: what is sent, and what of that which comes is taken for the answer."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from protocols.modbus.frames import Frames, MbapFrames, RtuFrames, crc16
from protocols.modbus.point import Table
from protocols.modbus.request import NoAnswer, Request
from protocols.sample import reason_of

REQUEST = Request(17, Table.HOLDING, 0x6B, 3)
DATA = bytes.fromhex("022b00000064")  # the example of the standard, 6.3


def rtu(body: str) -> bytes:
    frame = bytes.fromhex(body)
    return frame + crc16(frame).to_bytes(2, "little")


RTU_ANSWER = rtu("11 03 06 022b00000064")
MBAP_ANSWER = bytes.fromhex("9e37 0000 0009 11 03 06 022b00000064")
BOTH = [(lambda: MbapFrames(0), MBAP_ANSWER), (lambda: RtuFrames(0.002), RTU_ANSWER)]
both = pytest.mark.parametrize(("make", "answer"), BOTH, ids=["mbap", "rtu"])


def test_questions() -> None:
    assert MbapFrames(0).ask(REQUEST).hex(" ", 2) == "9e37 0000 0006 1103 006b 0003"
    assert RtuFrames(0).ask(REQUEST).hex() == "1103006b00037687"  # as in the standard's serial guide
    assert RtuFrames(0).ask(Request(1, Table.COIL, 19, 19)).hex() == "010100130013" + "8c02"


def test_numbers_come_all_and_neighbours_differ_in_many_bits() -> None:
    frames = MbapFrames(65_000)
    numbers = [int.from_bytes(frames.ask(REQUEST)[:2], "big") for _ in range(1 << 16)]
    assert len(set(numbers)) == 1 << 16
    assert all((a ^ b).bit_count() >= 4 for a, b in pairwise(numbers))


@both
def test_an_answer_in_any_two_pieces(make: Callable[[], Frames], answer: bytes) -> None:
    for cut in range(len(answer) + 1):
        frames = make()
        frames.ask(REQUEST)
        parts = [frames.take(part) for part in (answer[:cut], answer[cut:]) if part]
        assert parts[-1] == DATA
        assert set(parts[:-1]) <= {None}


@pytest.mark.parametrize(("table", "count", "data"), [(Table.COIL, 19, "cd6b05"), (Table.INPUT, 1, "000a")])
def test_other_tables(table: Table, count: int, data: str) -> None:
    request = Request(1, table, 0, count)
    frames = RtuFrames(0)
    frames.ask(request)
    assert frames.take(rtu(f"01 0{table.value} 0{len(data) // 2} {data}")) == bytes.fromhex(data)


@both
def test_a_refusal_is_told_with_its_code(make: Callable[[], Frames], answer: bytes) -> None:
    frames = make()
    asked = frames.ask(REQUEST)
    refusal = rtu("11 83 02") if answer is RTU_ANSWER else asked[:4] + bytes.fromhex("0003 11 83 02")
    for byte in refusal[:-1]:
        assert frames.take(bytes([byte])) is None
    with pytest.raises(NoAnswer) as caught:
        frames.take(refusal[-1:])
    assert (caught.value.exception, reason_of(caught.value.code)) == (2, "exception_2")


def flips(frame: bytes, most: int) -> Iterator[bytes]:
    for place in range(8 * most):
        flipped = bytearray(frame)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


@both
def test_no_single_flipped_bit_passes(make: Callable[[], Frames], answer: bytes) -> None:
    """On TCP up to the data, which nothing protects."""
    for flipped in flips(answer, 9 if answer is MBAP_ANSWER else len(answer)):
        frames = make()
        frames.ask(REQUEST)
        assert outcome(frames, flipped) in ("more to come", "undecodable")


def outcome(frames: Frames, came: bytes) -> str:
    try:
        return "more to come" if frames.take(came) is None else "data"
    except NoAnswer as error:
        return reason_of(error.code)


def test_tcp_answers_with_another_number_are_skipped_wherever_they_are_cut() -> None:
    late = bytes.fromhex("3c6e 0000 0009 11 03 06 ffffffffffff")
    for cut in range(len(late)):
        frames = MbapFrames(0)
        frames.ask(REQUEST)
        assert frames.take(late + late[:cut]) is None
        assert frames.take(late[cut:] + MBAP_ANSWER + late) == DATA


def test_what_comes_before_the_question_is_no_answer() -> None:
    for frames, answer in ((MbapFrames(0), MBAP_ANSWER), (RtuFrames(0), RTU_ANSWER)):
        assert frames.take(answer) is None
        frames.ask(REQUEST)
        assert frames.take(answer) == DATA


@pytest.mark.parametrize(
    "came",
    [RTU_ANSWER * 2, RTU_ANSWER + b"\0", b"\0" + RTU_ANSWER, rtu("12 03 06 022b00000064"), rtu("11 04 06 022b00000064"),
     rtu("11 03 04 022b0000"), rtu("11 03 08 022b000000640000"), rtu("11 84 02"), rtu("11 83 02") + b"\0"],
)  # fmt: skip
def test_rtu_takes_nothing_but_the_answer_alone(came: bytes) -> None:
    frames = RtuFrames(0)
    frames.ask(REQUEST)
    with pytest.raises(NoAnswer) as caught:
        frames.take(came)
    assert reason_of(caught.value.code) == "undecodable"


def test_an_echo_is_heard_behind_whatever_was_owed() -> None:
    for refused in (False, True):
        frames = RtuFrames(0)
        asked = frames.echo(17)
        assert asked == rtu("11 08 0000 9e37")
        frames.take(rtu("11 08 0000 9e36"))  # an echo of before
        for byte in RTU_ANSWER:
            assert frames.take(bytes([byte])) is None
        assert frames.take(rtu("11 88 01") if refused else asked) == (b"" if refused else asked[4:6])


def test_an_echo_of_another_unit_is_none() -> None:
    frames = RtuFrames(0)
    frames.echo(17)
    assert frames.take(rtu("12 08 0000 9e37")) is None
    assert frames.take(rtu("12 88 01")) is None
