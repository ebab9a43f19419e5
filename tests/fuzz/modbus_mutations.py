"""What can happen to an answer on its way. Each function gives the pieces that come instead of it.

Nothing here makes a lie that no client could see through: on TCP the data of an otherwise right answer stay as they
are (there is no checksum), on RTU damage is of a kind that the CRC always shows, and a whole right-looking RTU answer
to an older question comes only from a unit that answers one question after another.
"""

import struct
from random import Random

from tests.fuzz.modbus_device import DEAF_UNIT, Answer, Mutation, Pieces, SimulatedDevice

TIMEOUT_S = 0.4
_WITHIN_SILENCE_S = 0.0015


def bit_flips(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """Up to three: a CRC-16 shows them all."""
    frame = bytearray(answer.frame)
    most = answer.framing.damageable(answer.frame)
    for place in dice.sample(range(8 * most), dice.randint(1, 3)):
        frame[place // 8] ^= 1 << place % 8
    return [(0, bytes(frame))]


def other_byte(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    frame = bytearray(answer.frame)
    frame[dice.randrange(answer.framing.damageable(answer.frame))] = dice.randrange(256)
    return [(0, bytes(frame))]


def truncated(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    return [(0, answer.frame[: dice.randrange(len(answer.frame))])]


def split(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """Right, but in pieces."""
    frame, cuts = answer.frame, sorted(dice.sample(range(1, len(answer.frame)), dice.randint(1, 4)))
    return [(dice.choice((0, 0.001, 0.03)), frame[a:b]) for a, b in zip([0, *cuts], [*cuts, len(frame)], strict=True)]


def torn(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    """The rest comes too late."""
    at = dice.randrange(1, len(answer.frame))
    return [(0, answer.frame[:at]), (_lateness_s(dice, answer, device), answer.frame[at:])]


def late(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    return [(_lateness_s(dice, answer, device), answer.frame)]


def _lateness_s(dice: Random, answer: Answer, device: SimulatedDevice) -> float:
    """Around the time-out or long after; units that ignore echoes answer within five time-outs or never."""
    most = 4.5 if answer.unit == DEAF_UNIT and not device.framing.numbered else 30
    late_s = TIMEOUT_S * dice.choice((dice.uniform(0.9, 1.1), dice.uniform(1, most)))
    return max(0.0, late_s - device.busy_s(answer.unit))


def twice(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """In one piece or two, but within the silence that belongs to an RTU frame."""
    return dice.choice(([(0, 2 * answer.frame)], [(0, answer.frame), (_WITHIN_SILENCE_S, answer.frame)]))


def the_last_one_first(_: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    return [(0, device.before.frame + answer.frame)] if device.before else late(_, answer, device)


def the_last_one_damaged_first(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    if not device.before:
        return []
    (_, damaged), *_rest = bit_flips(dice, device.before, device)
    return [(0, damaged), (dice.choice((0, _WITHIN_SILENCE_S)), answer.frame)]


def the_last_one_again(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    """On RTU only at once and of another unit: later or of its own it would look right."""
    before = device.before
    looks_right = before is None or before.unit == answer.unit or device.busy_s(answer.unit) > 0
    if before is None or (looks_right and not device.framing.numbered):
        return truncated(dice, answer, device)
    return [(0, before.frame)]


def reordered(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    """Comes after the answers to later questions; on RTU, late."""
    return [(dice.uniform(0, 2), answer.frame)] if device.framing.numbered else late(dice, answer, device)


def other_number(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    number = dice.choice((0, answer.number ^ 1 << dice.randrange(16), answer.number + 1, answer.number - 1))
    return [(0, answer.but(number=number & 0xFFFF if answer.framing.numbered else None, unit=answer.unit ^ 4))]


def other_unit(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """One that is not on the line."""
    return [(0, answer.but(unit=dice.choice((0, *range(3, 256)))))]


def other_function(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    function = dice.choice([code for code in range(128) if code not in (8, answer.pdu[0])])
    return [(0, answer.but(pdu=bytes([function]) + answer.pdu[1:]))]


def other_count(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """More or fewer registers than asked for, and says so."""
    data = answer.pdu[2:]
    other = data[: 2 * dice.randrange(len(data) // 2)] if dice.random() < 0.5 else data + dice.randbytes(2)
    return [(0, answer.but(pdu=bytes([answer.pdu[0], len(other)]) + other))]


def other_length(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """The length does not fit the data: that of the frame on TCP, that of the data on both."""
    frame = bytearray(answer.frame)
    if answer.framing.numbered and dice.random() < 0.5:
        struct.pack_into(">H", frame, 4, dice.choice((0, 1, 2, len(frame), len(frame) - 7, 255, 65535)))
        return [(0, bytes(frame))]
    count = dice.choice([count for count in range(256) if count != answer.pdu[1]])
    return [(0, answer.but(pdu=answer.pdu[:1] + bytes([count]) + answer.pdu[2:]))]


def exception(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    function = (answer.pdu[0] if dice.random() < 0.8 else dice.choice((1, 2, 3, 4, 5, 6))) | 0x80
    return [(0, answer.but(pdu=bytes([function, dice.choice((*range(12), 255))])))]


def garbage(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    noise = dice.randbytes(dice.randint(1, 300))
    return [(0, dice.choice((noise, noise + answer.frame, answer.frame + noise)))]


def another_beside(dice: Random, answer: Answer, _: SimulatedDevice) -> Pieces:
    """An answer to somebody else's question before or after."""
    other = answer.but(number=answer.number ^ 0x5A5A, unit=answer.unit ^ 8, pdu=b"\x03\x04" + dice.randbytes(4))
    return [(0, dice.choice((other + answer.frame, answer.frame + other)))]


def nothing(_: Random, __: Answer, ___: SimulatedDevice) -> Pieces:
    return []


def hang_up(dice: Random, answer: Answer, device: SimulatedDevice) -> Pieces:
    device.hang_up()
    return truncated(dice, answer, device)


MUTATIONS: tuple[Mutation, ...] = (
    bit_flips, other_byte, truncated, split, torn, late, twice, the_last_one_first, the_last_one_damaged_first,
    the_last_one_again, reordered, other_number, other_unit, other_function, other_count, other_length, exception,
    garbage, another_beside, nothing, hang_up,
)  # fmt: skip
