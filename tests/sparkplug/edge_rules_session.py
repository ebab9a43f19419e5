"""Rules about connections, topics, QoS, retain and sequence numbers."""

import itertools
import re
from collections import Counter

from tests.sparkplug.edge_rule import BIRTHS, NUMBERED, bd_seq, each, metric, rule, wills_of

NAME = re.compile(r"[^+/#\0]+")

# Connection


@rule("principles-persistence-clean-session-311")
def clean_session(sessions):
    yield from ("no clean session" for s in sessions if s.connect.level == 4 and not s.connect.clean)


@rule(
    "message-flow-edge-node-birth-publish-will-message",
    "payloads-ndeath-will-message",
    "message-flow-edge-node-birth-publish-will-message-topic",
    "topics-ndeath-topic",
)
def a_will_that_is_the_death_of_the_node(sessions):
    for session in sessions:
        born = session.of("NBIRTH")
        if not session.connect.will:
            yield "no will"
        elif born and session.connect.will.topic != born[0].topic.replace("NBIRTH", "NDEATH"):
            yield session.connect.will.topic


@rule("message-flow-edge-node-birth-publish-will-message-qos", "payloads-ndeath-will-message-qos")
def will_qos(sessions):
    yield from (f"QoS {will.qos}" for will in wills_of(sessions) if will.qos != 1)


@rule("message-flow-edge-node-birth-publish-will-message-will-retained", "payloads-ndeath-will-message-retain")
def will_retain(sessions):
    yield from ("retained" for will in wills_of(sessions) if will.retain)


@rule(
    "message-flow-edge-node-birth-publish-will-message-payload",
    "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    "topics-nbirth-bdseq-increment",
)
def bd_seq_counts_connections(sessions):
    wills = list(wills_of(sessions))
    numbers = [bd_seq(will) for will in wills]
    if any(metric(will, "bdSeq").datatype != 4 for will in wills if metric(will, "bdSeq")):
        yield "bdSeq is no Int64"
    if numbers[:1] != [0]:
        yield f"begins with {numbers[:1]}"
    for before, after in itertools.pairwise(numbers):
        if before is None or after != (before + 1) % 256:
            yield f"{before}, then {after}"


@rule("topics-ndeath-payload", "payloads-ndeath-bdseq", "topics-ndeath-seq", "payloads-ndeath-seq")
def a_death_holds_bd_seq_and_no_number(sessions):
    for death in [*wills_of(sessions), *each(sessions, "NDEATH")]:
        if [found.name for found in death.told.metrics] != ["bdSeq"] or death.told.HasField("seq"):
            yield str(death.told)
    for session in sessions:
        wanted = bd_seq(session.connect.will) if session.connect.will else None
        yield from (f"dies as {bd_seq(d)}, not {wanted}" for d in session.of("NDEATH") if bd_seq(d) != wanted)


@rule("message-flow-edge-node-ncmd-subscribe")
def commands_to_the_node_are_subscribed(sessions):
    for session in sessions:
        for born in session.of("NBIRTH")[:1]:
            if (born.topic.replace("NBIRTH", "NCMD"), 1, 0) not in session.subscribed:
                yield str(session.subscribed)


@rule("message-flow-device-dcmd-subscribe")
def commands_to_devices_are_subscribed(sessions):
    for session in sessions:
        for born in session.of("NBIRTH")[:1]:
            if (born.topic.replace("NBIRTH", "DCMD") + "/+", 1, 0) not in session.subscribed:
                yield str(session.subscribed)


@rule("message-flow-edge-node-birth-publish-connect", "principles-birth-certificates-order")
def the_first_message_is_a_birth(sessions):
    yield from (s.sent[0].topic for s in sessions if s.sent and s.sent[0].verb != "NBIRTH")


@rule(
    "operational-behavior-edge-node-intentional-disconnect-ndeath",
    "operational-behavior-edge-node-intentional-disconnect-packet",
    "payloads-ndeath-will-message-publisher",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
)
def an_orderly_end_is_a_death_and_a_disconnect(sessions):
    for session in sessions:
        dead, born = session.of("NDEATH"), session.of("NBIRTH")
        if session.disconnected and born and (not dead or session.sent[-1] is not dead[-1]):
            yield "DISCONNECT without NDEATH before it"
        if dead and session.closed and not session.disconnected:
            yield "NDEATH without DISCONNECT"


# Topics


@rule("topic-structure", "topic-structure-namespace-a")
def topic_structure(sessions):
    for said in each(sessions, *NUMBERED, "NDEATH"):
        parts = said.topic.split("/")
        if parts[0] != "spBv1.0" or len(parts) not in {4, 5}:
            yield said.topic
    yield from (said.topic for s in sessions for said in s.sent if said.verb not in {*NUMBERED, "NDEATH"})


@rule(
    "intro-group-id-string",
    "intro-group-id-chars",
    "intro-edge-node-id-string",
    "intro-edge-node-id-chars",
    "intro-device-id-string",
    "intro-device-id-chars",
    "topic-structure-namespace-valid-group-id",
    "topic-structure-namespace-valid-edge-node-id",
    "topic-structure-namespace-valid-device-id",
)
def valid_ids(sessions):
    for said in [*wills_of(sessions), *each(sessions, *NUMBERED)]:
        _, group, _, *names = said.topic.split("/")
        yield from (name for name in (group, *names) if not NAME.fullmatch(name))


@rule(
    "topic-structure-namespace-device-id-associated-message-types",
    "topics-dbirth-topic",
    "topics-ddata-topic",
    "topics-ddeath-topic",
    "message-flow-device-birth-publish-dbirth-topic",
)
def device_messages_name_their_device(sessions):
    yield from (said.topic for said in each(sessions, "DBIRTH", "DDATA", "DDEATH") if not said.device)


@rule(
    "topic-structure-namespace-device-id-non-associated-message-types",
    "topics-nbirth-topic",
    "topics-ndata-topic",
    "message-flow-edge-node-birth-publish-nbirth-topic",
)
def node_messages_name_no_device(sessions):
    yield from (said.topic for said in each(sessions, "NBIRTH", "NDATA", "NDEATH") if said.device)


@rule("message-flow-device-birth-publish-dbirth-match-edge-node-topic")
def one_name_for_the_node(sessions):
    names = Counter((parts[1], parts[3]) for said in each(sessions, *NUMBERED) for parts in [said.topic.split("/")])
    if len(names) > 1:
        yield str(names)


@rule("topic-structure-namespace-unique-device-id", "case-sensitivity-sparkplug-ids")
def device_ids_differ_even_in_lower_case(sessions):
    devices = {said.device for said in each(sessions, "DBIRTH")}
    yield from (name for name, n in Counter(device.lower() for device in devices).items() if n > 1)


@rule("case-sensitivity-metric-names")
def metric_names_differ_even_in_lower_case(sessions):
    for birth in each(sessions, *BIRTHS):
        names = Counter(found.name.lower() for found in birth.told.metrics)
        yield from (name for name, n in names.items() if n > 1)


# QoS and retain


@rule("topics-nbirth-mqtt", "payloads-nbirth-qos", "message-flow-edge-node-birth-publish-nbirth-qos")
def nbirth_qos(sessions):
    yield from (f"QoS {said.qos}" for said in each(sessions, "NBIRTH") if said.qos)


@rule("payloads-nbirth-retain", "message-flow-edge-node-birth-publish-nbirth-retained")
def nbirth_retain(sessions):
    yield from ("retained" for said in each(sessions, "NBIRTH") if said.retain)


@rule("topics-dbirth-mqtt", "payloads-dbirth-qos", "message-flow-device-birth-publish-dbirth-qos")
def dbirth_qos(sessions):
    yield from (f"QoS {said.qos}" for said in each(sessions, "DBIRTH") if said.qos)


@rule("payloads-dbirth-retain", "message-flow-device-birth-publish-dbirth-retained")
def dbirth_retain(sessions):
    yield from ("retained" for said in each(sessions, "DBIRTH") if said.retain)


@rule("topics-ndata-mqtt", "payloads-ndata-qos", "payloads-ndata-retain")
def ndata_qos_and_retain(sessions):
    yield from (f"QoS {said.qos}" for said in each(sessions, "NDATA") if said.qos or said.retain)


@rule("topics-ddata-mqtt", "payloads-ddata-qos", "payloads-ddata-retain")
def ddata_qos_and_retain(sessions):
    yield from (f"QoS {said.qos}" for said in each(sessions, "DDATA") if said.qos or said.retain)


@rule("topics-ddeath-mqtt")
def ddeath_qos_and_retain(sessions):
    yield from (f"QoS {said.qos}" for said in each(sessions, "DDEATH") if said.qos or said.retain)


# Sequence


@rule(
    "payloads-sequence-num-always-included",
    "payloads-dbirth-seq",
    "payloads-ndata-seq",
    "payloads-ddata-seq",
    "payloads-ddeath-seq",
    "payloads-ddeath-seq-number",
)
def every_message_is_numbered(sessions):
    yield from (said.topic for said in each(sessions, *NUMBERED) if not said.told.HasField("seq"))


@rule(
    "topics-nbirth-seq-num",
    "payloads-nbirth-seq",
    "payloads-sequence-num-req-nbirth",
    "message-flow-edge-node-birth-publish-nbirth-payload-seq",
)
def nbirth_begins_the_numbers(sessions):
    yield from (f"seq {said.told.seq}" for said in each(sessions, "NBIRTH") if said.told.seq)


@rule(
    "payloads-sequence-num-incrementing",
    "topics-dbirth-seq",
    "topics-ndata-seq-num",
    "topics-ddata-seq-num",
    "topics-ddeath-seq-num",
    "payloads-dbirth-seq-inc",
    "payloads-ndata-seq-inc",
    "payloads-ddata-seq-inc",
    "payloads-ddeath-seq-inc",
    "message-flow-device-birth-publish-dbirth-payload-seq",
)
def numbers_follow_each_other(sessions):
    for session in sessions:
        numbered = session.of(*NUMBERED)
        for before, after in itertools.pairwise(numbered):
            wanted = 0 if after.verb == "NBIRTH" else (before.told.seq + 1) % 256
            if after.told.seq != wanted:
                yield f"{after.topic}: {after.told.seq} after {before.told.seq}"
