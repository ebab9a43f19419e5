"""Derived tags: expressions, what they are worth when an input is missing, late or bad, and what is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.shaping.compiler import compile_formula
from edge_gateway.shaping.derived import BadDerivation, DerivedTag, resolve
from edge_gateway.shaping.expression import BadExpression, parse
from edge_gateway.shaping.formulas import Reading
from protocols.sample import GOOD, Quality, Reason, ValueKind, bad, quality_code
from tests.edge_gateway.shaping_parts import Rig, device

KINDS = {
    ("m", "a"): ValueKind.FLOAT,
    ("m", "b"): ValueKind.FLOAT,
    ("m", "n"): ValueKind.INT,
    ("m", "run"): ValueKind.BOOL,
    ("m", "state"): ValueKind.TEXT,
    ("pump-1", "outlet-pressure.bar"): ValueKind.FLOAT,
}
VALUES = {
    ("m", "a"): 6.5,
    ("m", "b"): -2.0,
    ("m", "n"): 9007199254740993,
    ("m", "run"): True,
    ("m", "state"): "运行",
    ("pump-1", "outlet-pressure.bar"): 4.0,
}


def evaluated(text: str):
    expression = parse(text, "m")
    names = [(name.machine, name.tag) for name in expression.names]
    formula = compile_formula(expression, [KINDS[name] for name in names])
    readings = [Reading(value=VALUES[name], value_ns=3 * 10**9, before=1, before_ns=10**9) for name in names]
    return formula.kind, formula.evaluate(readings)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a} + {m/b} * 2", 2.5),
        ("-{a} - -{b}", -8.5),
        ("{pump-1/outlet-pressure.bar} - {a}", -2.5),
        ("({a} + {b}) / 2 ** 2", 1.125),
        ("{a} // 2 + {a} % 2", 3.5),
        ("min({a}, {b}, 0) + max({a}, 7) + avg({a}, {b}, 0)", 6.5),
        ("abs({b}) + sqrt(9) + log(exp(2)) + round({a} + 0.4) + round(2.345, 1)", 16.3),
        ("clamp({a}, 0, 5) + clamp({b}, 0, 5)", 5.0),
        ("{a} if {run} else {b}", 6.5),
        ("{a} if {a} < 0 or not {run} else {b}", -2.0),
        ("{n} - 9007199254740992", 1.0),
        ("delta({a}) + rate({a})", 8.25),
        ("delta({n})", 9007199254740992.0),
        ("{run} + {run}", 2.0),
        (" ".join(["1", *["+ {a}"] * 30]), 196.0),
    ],
)
def test_a_number_is_calculated(text, value):
    kind, found = evaluated(text)
    assert kind is ValueKind.FLOAT
    assert found == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a} > 6", True),
        ("-3 < {b} <= -2", True),
        ("{a} > 6 and {b} > 6", False),
        ("not {run} or {a} != 6.5", False),
        ("{state} == '运行' and {run}", True),
        ("{run} == True", True),
        ("'a' == {state} if {run} else {run}", False),
    ],
)
def test_a_comparison_is_true_or_false(text, value):
    assert evaluated(text) == (ValueKind.BOOL, value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{a} + outlet", "character 7: outlet is no tag; a tag stands in braces, {machine/tag} or {tag}"),
        ("{a}.real", "character 1: attribute is not allowed"),
        ("__import__('os').system({a})", "character 1: this() is not known; known are min, max"),
        ("eval({a})", "character 1: eval() is not known"),
        ("{a} + open", "character 7: open is no tag"),
        ("[x for x in {a}]", "listcomp is not allowed"),
        ("lambda: {a}", "lambda is not allowed"),
        ("{a}[0]", "subscript is not allowed"),
        ("(y := {a})", "namedexpr is not allowed"),
        ("f'{a}'", "not allowed"),
        ("max(*{a})", "write max(a, b, …)"),
        ("min({a})", "write min(a, b, …)"),
        ("round({a}, digits=1)", "write round(a)"),
        ("{a} | 1", "of the operators only"),
        ("~{a}", "of the signs only"),
        ("{a} is {b}", "of the comparisons only"),
        ("{a} and {b} > 1", "character 1: true or false is needed"),
        ("{state} + 1", "character 1: a number is needed"),
        ("{state} > 'a'", "a text can only be compared"),
        ("{state} == 1", "a text can only be compared"),
        ("{state} == '{b}'", "character 13: a tag stands inside a text"),
        ("{state}", "the result is a text"),
        ("{a} if {run} else {state}", "both"),
        ("rate({a} + 1)", "character 6: this is no tag"),
        ("delta({run})", "of a tag that is a number"),
        ("1e999 * {a}", "inf is not allowed"),
        ("1j * {a}", "1j is not allowed"),
        ("9" * 400 + " * {a}", "is not allowed"),
        ("{a} +", "character 5: not understood"),
        ("{a} {b}", "not understood"),
        ("{a}}", "not understood"),
        ("{a", "no tag"),
        ("{A}", "{A} is no tag; write {machine/tag}"),
        ("{a/b/c}", "{a/b/c} is no tag"),
        ("3 + 4", "it names no tag"),
        ("", "it names no tag"),
        ("{a}\n+ {b}", "on one line"),
        ("(" * 300 + "{a}" + ")" * 300, "too many nested"),
        ("-" * 900 + "{a}", "too deep"),
        ("{a}" + "+ {a}" * 100, "too deep"),
    ],
)
def test_what_is_not_on_the_list_is_refused_with_its_place(text, told):
    with pytest.raises(BadExpression) as raised:
        evaluated(text)
    assert told in str(raised.value)


SIGNS = "()+-*/%<>=!,.[]{}'1290 \n\x00é#"
WORDS = [
    "{a}",
    "{n}",
    "{run}",
    "{state}",
    "{m/b}",
    "**",
    "//",
    " if ",
    " else ",
    " and ",
    "not ",
    "min(",
    "rate(",
    "delta(",
]
PIECES = st.sampled_from([*SIGNS, *WORDS, "log(", "round(", "1e308", "lambda: ", " for x in ", ":=", "'x'", "\\"])


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30))
@settings(max_examples=600, deadline=None)
def test_any_text_is_either_refused_or_has_a_value_or_none(text):
    try:
        kind, value = evaluated(text)
    except (BadExpression, ArithmeticError, ValueError):
        return
    assert kind in (ValueKind.FLOAT, ValueKind.BOOL)
    assert isinstance(value, int | float)
    assert not math.isnan(float(value)) or "1e308" in text


def resolved(*tags):
    return resolve([DerivedTag(machine=machine, tag=tag, expression=text) for machine, tag, text in tags], KINDS)


def test_derived_tags_may_use_each_other_in_any_order():
    found = resolved(("m", "twice", "{half} * 4"), ("p", "hot", "{m/twice} > 3"), ("m", "half", "{a} / 2"))
    assert [(tag.tag.tag, tag.kind.name) for tag in found] == [("half", "FLOAT"), ("twice", "FLOAT"), ("hot", "BOOL")]


def test_a_circle_is_named():
    with pytest.raises(BadDerivation, match=r"in a circle: m/x → m/[yz] → m/[yz] → m/x; one of them"):
        resolved(("m", "x", "{y} + 1"), ("m", "y", "{z}"), ("m", "z", "{x} + {a}"))
    with pytest.raises(BadDerivation, match="in a circle: m/x → m/x"):
        resolved(("m", "x", "{x} + 1"))


def test_an_unknown_tag_is_told_with_its_place_and_its_neighbours():
    with pytest.raises(BadDerivation) as raised:
        resolved(("m", "x", "{a} - {pump-1/outlet_pressure.bar}"))
    told = "derived tag m/x: expression, character 7: there is no tag pump-1/outlet_pressure.bar; did you mean"
    assert str(raised.value).startswith(told + " {pump-1/outlet-pressure.bar}")


TAGS = ({"tag": "a"}, {"tag": "b"})


def test_it_is_calculated_whenever_an_input_comes_and_stamped_with_the_newest_that_came():
    rig = Rig([device(*TAGS)], [{"tag": "d", "expression": "{a} - {b}"}])
    assert [sample.tag for sample in rig.read(0, a=5.0)] == ["a"]  # b has never come
    assert rig.read(1, b=2.0)[-1] == ("d", 1.0, 3.0, GOOD)
    assert rig.read(2, b=1.0)[-1] == ("d", 2.0, 4.0, GOOD)
    together = rig.shape.take((rig.column("a", [(3.5, 9.0)]), rig.column("b", [(3.0, 3.0)])), 4)
    assert [sample for sample in rig.listed(together) if sample.tag == "d"] == [("d", 3.5, 6.0, GOOD)]


def test_a_bad_input_makes_it_bad_for_the_same_reason_and_an_uncertain_one_uncertain():
    rig = Rig([device(*TAGS)], [{"tag": "d", "expression": "{a} - {b}"}, {"tag": "e", "expression": "{d} > 0"}])
    rig.read(0, a=5.0, b=2.0)
    assert rig.read(1, a=Reason.TIMEOUT)[1:] == [
        ("d", 1.0, None, bad(Reason.TIMEOUT)),
        ("e", 1.0, None, bad(Reason.TIMEOUT)),
    ]
    assert rig.read(2, b=1.0)[1].code == bad(Reason.TIMEOUT)
    assert rig.read(3, a=6.0)[1:] == [("d", 3.0, 5.0, GOOD), ("e", 3.0, True, GOOD)]
    clamped = quality_code(Quality.UNCERTAIN, Reason.CLAMPED)
    column = rig.column("a", [(4, 7.0)])
    column.code[:] = clamped
    assert rig.listed(rig.shape.take((column,), 4))[1] == ("d", 4.0, 6.0, clamped)


@pytest.mark.parametrize(
    "expression",
    ["{a} / {b}", "sqrt({b} - 1)", "log({b})", "exp({a} * 1e6)", "{a} ** 1e6", "(0 - {a}) ** 0.5", "{a} % {b}"],
)
def test_what_has_no_finite_value_is_bad_and_never_infinite(expression):
    rig = Rig([device(*TAGS)], [{"tag": "d", "expression": expression}])
    assert rig.read(0, a=5.0, b=0.0)[-1] == ("d", 0.0, None, bad(Reason.NAN))


def test_overflow_is_bad_too():
    rig = Rig([device({"tag": "a"})], [{"tag": "d", "expression": "{a} * {a}"}])
    assert rig.read(0, a=1e200)[-1] == ("d", 0.0, None, bad(Reason.NAN))
    assert rig.read(1, a=2.0)[-1].value == 4.0


def test_delta_and_rate_span_a_failed_read_and_refuse_a_clock_that_was_set_back():
    rig = Rig([device({"tag": "n", "type": "int"})], [{"tag": "d", "expression": "delta({n})"}, RATE])
    assert len(rig.read(0, n=1 << 60)) == 1
    assert [sample.value for sample in rig.read(2, n=(1 << 60) + 1)[1:]] == [1.0, 0.5]
    assert [sample.code for sample in rig.read(3, n=Reason.TIMEOUT)] == [bad(Reason.TIMEOUT)] * 3
    assert [sample.value for sample in rig.read(6, n=(1 << 60) + 5)[1:]] == [4.0, 1.0]
    assert [sample.code for sample in rig.read(5, n=(1 << 60) + 6)[1:]] == [GOOD, bad(Reason.NAN)]


RATE = {"tag": "r", "expression": "rate({n})"}


def test_an_input_that_is_too_old_makes_it_stale_and_so_does_silence():
    rig = Rig([device(*TAGS)], [{"tag": "d", "expression": "{a} - {b}", "stale_after_s": 10}])
    rig.read(0, a=5.0, b=2.0)
    assert rig.read(10, a=6.0)[1] == ("d", 10.0, 4.0, GOOD)
    assert rig.read(10.5, a=6.0)[1] == ("d", 10.5, None, bad(Reason.STALE))
    assert rig.read(11, b=1.0)[1] == ("d", 11.0, 5.0, GOOD)
    assert rig.look(20.9) == []
    assert rig.look(21) == [("d", 21.0, None, bad(Reason.STALE))]
    assert rig.look(40) == []


def test_a_stale_input_reaches_what_is_derived_from_it():
    rig = Rig([device({"tag": "a", "stale_after_s": 5})], [{"tag": "d", "expression": "{a} * 2"}])
    rig.read(0, a=5.0)
    assert rig.look(5) == [("a", 5.0, None, bad(Reason.STALE)), ("d", 5.0, None, bad(Reason.STALE))]
    assert rig.read(6, a=1.0)[1] == ("d", 6.0, 2.0, GOOD)


def test_a_derived_tag_sees_what_a_deadband_withholds_and_has_its_own():
    rig = Rig([device({"tag": "a", "deadband": 100})], [{"tag": "d", "expression": "{a} * 2", "deadband": 5}])
    assert [sample.tag for sample in rig.read(0, a=5.0)] == ["a", "d"]
    assert rig.read(1, a=7.0) == []
    assert rig.read(2, a=8.0) == [("d", 2.0, 16.0, GOOD)]


def test_a_derived_tag_beyond_its_range_is_bad_also_for_its_users():
    derived = [{"tag": "d", "expression": "{a} * 2", "range": [0, 10]}, {"tag": "e", "expression": "{d} + 1"}]
    rig = Rig([device({"tag": "a"})], derived)
    assert [sample.code for sample in rig.read(0, a=6.0)] == [GOOD, *[bad(Reason.OUT_OF_RANGE)] * 2]
    assert [sample.value for sample in rig.read(1, a=5.0)] == [5.0, 10.0, 11.0]


def test_the_catalog_names_derived_tags_and_windows_and_hides_what_is_only_read():
    rig = Rig(
        [device({"tag": "a", "unit": "bar", "window": {"every_s": 1, "raw": False, "of": ["min", "max", "count"]}})],
        [{"tag": "hot", "expression": "{a} > 3"}, {"machine": "z", "tag": "d", "expression": "{m/a}", "unit": "bar"}],
    )
    told = [(tag.alias, tag.machine, tag.tag, tag.kind, tag.unit) for tag in rig.numbering.catalog.tags]
    assert told == [
        (0, "m", "a-count", "int", ""),
        (1, "m", "a-max", "float", "bar"),
        (2, "m", "a-min", "float", "bar"),
        (3, "m", "hot", "bool", ""),
        (4, "z", "d", "float", "bar"),
    ]
    assert [(tag.alias, tag.tag) for tag in rig.numbering.hidden] == [(5, "a")]
    assert [sample.tag for sample in rig.read(0.5, a=4.0)] == ["d", "hot"]
