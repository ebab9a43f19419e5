"""For each rule one way to break it: the negative controls of edge_rules.py."""

import copy
from collections.abc import Callable

from tests.sparkplug.edge_rules import metric
from tests.sparkplug.edge_session import Session

Break = Callable[[list[Session]], None]

MUTATIONS: dict[str, Break] = {}


def breaks(mutation: Break) -> Break:
    MUTATIONS[mutation.__name__] = mutation
    return mutation


def _first(sessions, verb):
    return sessions[0].of(verb)[0]


def _remove(sessions, said):
    sessions[0].log.remove(said)


def _move_to_front(sessions, verb):
    said = _first(sessions, verb)
    _remove(sessions, said)
    sessions[0].log.insert(0, said)


# fmt: off
@breaks
def clean_session(s): s[0].connect.clean = False
@breaks
def a_will_that_is_the_death_of_the_node(s): s[0].connect.will = None
@breaks
def will_qos(s): s[0].connect.will.qos = 0
@breaks
def will_retain(s): s[0].connect.will.retain = True
@breaks
def bd_seq_counts_connections(s): metric(s[1].connect.will, "bdSeq").long_value = 0
@breaks
def a_death_holds_bd_seq_and_no_number(s): s[0].connect.will.told.seq = 3
@breaks
def commands_to_the_node_are_subscribed(s): s[0].subscribed[0] = (*s[0].subscribed[0][:2], 1)
@breaks
def commands_to_devices_are_subscribed(s): s[0].subscribed[1] = (s[0].subscribed[1][0], 0, 0)
@breaks
def the_first_message_is_a_birth(s): _move_to_front(s, "NDATA")
@breaks
def an_orderly_end_is_a_death_and_a_disconnect(s): _remove(s, _first(s, "NDEATH"))
@breaks
def topic_structure(s): _first(s, "DDATA").topic += "/more"
@breaks
def valid_ids(s): _first(s, "DDATA").topic = "spBv1.0/demo/DDATA/gw-1/pump+2"
@breaks
def device_messages_name_their_device(s): _first(s, "DDATA").device = None
@breaks
def node_messages_name_no_device(s): _first(s, "NDATA").device = "press-1"
@breaks
def one_name_for_the_node(s): _first(s, "DBIRTH").topic = "spBv1.0/demo/DBIRTH/gw-2/press-1"
@breaks
def device_ids_differ_even_in_lower_case(s): _first(s, "DBIRTH").device = "Pump-2"
@breaks
def metric_names_differ_even_in_lower_case(s): metric(_first(s, "DBIRTH"), "a").name = "B"
@breaks
def nbirth_qos(s): _first(s, "NBIRTH").qos = 1
@breaks
def nbirth_retain(s): _first(s, "NBIRTH").retain = True
@breaks
def dbirth_qos(s): _first(s, "DBIRTH").qos = 1
@breaks
def dbirth_retain(s): _first(s, "DBIRTH").retain = True
@breaks
def ndata_qos_and_retain(s): _first(s, "NDATA").retain = True
@breaks
def ddata_qos_and_retain(s): _first(s, "DDATA").qos = 1
@breaks
def ddeath_qos_and_retain(s): _first(s, "DDEATH").retain = True
@breaks
def every_message_is_numbered(s): _first(s, "DDEATH").told.ClearField("seq")
@breaks
def nbirth_begins_the_numbers(s): _first(s, "NBIRTH").told.seq = 1
@breaks
def numbers_follow_each_other(s): _remove(s, s[0].of("DDATA")[20])
@breaks
def nbirth_has_the_bd_seq_of_its_will(s): metric(s[0].of("NBIRTH")[1], "bdSeq").long_value += 1
@breaks
def nbirth_offers_the_rebirth(s): metric(_first(s, "NBIRTH"), "Node Control/Rebirth").alias = 7
@breaks
def the_node_is_born_before_its_devices(s): _move_to_front(s, "DBIRTH")
@breaks
def no_data_before_the_birth(s): _remove(s, s[0].of("DBIRTH")[1])
@breaks
def data_name_only_what_a_birth_has_named(s): s[0].of("DBIRTH")[1].told.metrics[0].alias = 100
@breaks
def births_tell_name_and_datatype(s): metric(_first(s, "DBIRTH"), "a").ClearField("datatype")
@breaks
def births_tell_a_value_or_that_there_is_none(s): metric(_first(s, "DBIRTH"), "a").ClearField("double_value")
@breaks
def datatypes_are_known(s): metric(_first(s, "DBIRTH"), "a").datatype = 35
@breaks
def births_give_name_and_alias(s): metric(_first(s, "DBIRTH"), "a").ClearField("alias")
@breaks
def data_give_the_alias_only(s): _first(s, "DDATA").told.metrics[0].name = "a"
@breaks
def data_leave_the_datatype_out(s): _first(s, "DDATA").told.metrics[0].datatype = 10
@breaks
def no_templates_and_so_no_definitions(s): metric(_first(s, "DBIRTH"), "a").datatype = 19
@breaks
def messages_tell_when_they_were_sent(s): _first(s, "DDATA").told.timestamp -= 8 * 3600 * 1000
@breaks
def metrics_tell_when_they_were_taken(s): _first(s, "DDATA").told.metrics[0].ClearField("timestamp")
@breaks
def live_values_are_in_order(s): _first(s, "DBIRTH").told.metrics[0].timestamp += 5000
@breaks
def data_tell_changes_only(s): s[0].log.insert(8, copy.deepcopy(s[0].log[7]))
@breaks
def as_many_keys_as_values(s): _first(s, "DBIRTH").told.metrics[0].properties.keys.append("engHigh")
@breaks
def properties_tell_their_type(s): _first(s, "DBIRTH").told.metrics[0].properties.values[0].ClearField("type")
@breaks
def quality_is_one_of_three(s): _first(s, "DBIRTH").told.metrics[0].properties.values[0].int_value = 64
# fmt: on
