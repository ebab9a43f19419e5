"""What a failed read means, and what to do: one row a reason of `protocols.sample.Reason`. Pure.

Source of the exceptions: MODBUS Application Protocol Specification V1.1b3, chapter 7.
"""

from typing import NamedTuple


class Meaning(NamedTuple):
    """Why there is no good value, and the way out."""

    told: str
    way_out: str


_MODBUS = {
    "timeout": Meaning(
        "no answer in time",
        "wrong unit number (on TCP often 1 or 255), a device that is off, or one that already serves its only client;"
        " is the device slow, raise timeout_s",
    ),
    "exception_1": Meaning(
        "it does not know this function (exception 1)", "is the tag in another table? try input: for holding:, or back"
    ),
    "exception_2": Meaning(
        "it has no such address (exception 2)",
        "compare with the manual: addresses here begin at 0, register 40001 is holding:0; look around with"
        " `linewright probe`",
    ),
    "exception_3": Meaning(
        "it does not give as much at once (exception 3)", "lower max_registers, or give the tag a shorter type"
    ),
    "exception_4": Meaning("it has failed (exception 4)", "look at the device's own display or log"),
    "exception_6": Meaning("it is busy (exception 6)", "raise period_s; is another program asking it, too?"),
    "exception_10": Meaning(
        "the gateway box has no way to this unit (exception 10)", "check the line that the gateway box has for it"
    ),
    "exception_11": Meaning(
        "the gateway box gets no answer from this unit (exception 11)",
        "is the unit number right, the device on, and the serial line behind the gateway box wired and terminated?",
    ),
    "wrong_device": Meaning(
        "another device answers: its identity register shows something else", "check port, unit and cabling"
    ),
    "undecodable": Meaning(
        "what it answers is no Modbus, or not this kind",
        'over TCP: is it transport = "rtu_over_tcp"? On a serial line: baudrate, parity, a second master, noise',
    ),
}
_OPCUA = {
    "timeout": Meaning("no answer in time", "raise timeout_s; is the server overloaded?"),
    "bad_address": Meaning("the server has no such node", "find it: `linewright opcua browse URL --filter …`"),
}
_ANY = {
    "disconnected": Meaning("it hung up", "does it serve only one client, and another program is that?"),
    "device_reported": Meaning("the device itself says that the value is not valid", "look at the sensor or its input"),
    "stale": Meaning("no new value has come", "is the machine running?"),
    "not_read_yet": Meaning("not read yet", "wait for its period; the gateway has just started"),
    "nan": Meaning("it is not a number", "the device has no value here, or the type is wrong: `linewright probe`"),
    "out_of_range": Meaning("it is outside `range`", "right sensor? right type and scale? `linewright probe`"),
}


def meaning(protocol: str, reason: str) -> Meaning:
    """Of a reason as words; for one that is not listed, the reason itself."""
    found = (_OPCUA if protocol == "opcua" else _MODBUS).get(reason) or _ANY.get(reason)
    return found or Meaning(reason.replace("_", " "), "see docs/reference/quality.md")
