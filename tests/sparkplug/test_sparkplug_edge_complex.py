"""Templates and data sets: our codec writes them by the rules, and does not write what breaks them."""

import copy

import pytest

from protocols.sparkplug import Unencodable
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import encode
from protocols.sparkplug.records import DataSet, Metric, Parameter, Payload, Template
from tests.sparkplug.edge_complex import COMPLEX_RULES, broken, told


def test_the_codec_keeps_every_rule():
    assert broken(told()) == set()


@pytest.mark.parametrize("name", COMPLEX_RULES)
def test_a_mutation_is_caught(name):
    changed = copy.deepcopy(told())
    COMPLEX_RULES[name].mutate(changed)
    assert name in broken(changed)


@pytest.mark.parametrize(
    "value",
    [
        Template(ref="motor", is_definition=True),
        Template(ref=None, is_definition=False),
        Template(parameters=(Parameter("", DataType.INT32, 1),), is_definition=True),
        Template(parameters=(Parameter("poles", DataType.INT32, "four"),), is_definition=True),
        DataSet(("a", "b"), (DataType.INT32,)),
        DataSet(("a",), (DataType.TEMPLATE,)),
        DataSet(("a",), (DataType.INT32,), ((1, 2),)),
        DataSet(("a",), (DataType.INT32,), (("one",),)),
    ],
)
def test_what_breaks_a_rule_is_not_written(value):
    datatype = DataType.TEMPLATE if isinstance(value, Template) else DataType.DATASET
    with pytest.raises(Unencodable):
        encode(Payload(1, (Metric("one", datatype, value),), 0))
