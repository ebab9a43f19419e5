"""Rules about births, the order of messages, metrics, times, changes and properties."""

from tests.sparkplug.edge_rule import BIRTHS, DATA, NUMBERED, bd_seq, each, metric, properties, rule

TIME_TOLERANCE_MS = 60_000

# Births


@rule(
    "topics-nbirth-bdseq-included",
    "topics-nbirth-bdseq-matching",
    "payloads-nbirth-bdseq",
    "payloads-nbirth-bdseq-repeat",
    "message-flow-edge-node-birth-publish-nbirth-payload",
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
    "operational-behavior-data-commands-rebirth-action-3",
)
def nbirth_has_the_bd_seq_of_its_will(sessions):
    for session in sessions:
        wanted = bd_seq(session.connect.will) if session.connect.will else None
        for birth in session.of("NBIRTH"):
            told = metric(birth, "bdSeq")
            if told is None or told.datatype != 4 or bd_seq(birth) != wanted:
                yield f"{bd_seq(birth)}, not {wanted}"


@rule(
    "topics-nbirth-rebirth-metric",
    "payloads-nbirth-rebirth-req",
    "operational-behavior-data-commands-rebirth-name",
    "operational-behavior-data-commands-rebirth-name-aliases",
    "operational-behavior-data-commands-rebirth-datatype",
    "operational-behavior-data-commands-rebirth-value",
)
def nbirth_offers_the_rebirth(sessions):
    for birth in each(sessions, "NBIRTH"):
        told = metric(birth, "Node Control/Rebirth")
        right = told and told.datatype == 11 and told.HasField("boolean_value") and not told.boolean_value
        if not right or told.HasField("alias"):
            yield str(told)


@rule("message-flow-device-birth-publish-nbirth-wait", "payloads-dbirth-order")
def the_node_is_born_before_its_devices(sessions):
    for session in sessions:
        verbs = [said.verb for said in session.of(*NUMBERED)]
        if "DBIRTH" in verbs and "NBIRTH" not in verbs[: verbs.index("DBIRTH")]:
            yield "DBIRTH before NBIRTH"
        for at, verb in enumerate(verbs):
            after = verbs[at + 1 :]
            births = next((n for n, later in enumerate(after) if later != "DBIRTH"), len(after))
            devices = {said.device for said in session.of("DBIRTH")}
            if verb == "NBIRTH" and devices and not births:
                yield "NBIRTH and no DBIRTH right behind it"


@rule("payloads-ndata-order", "payloads-ddata-order")
def no_data_before_the_birth(sessions):
    for session in sessions:
        born: set[str | None] = set()
        for said in session.of(*NUMBERED):
            if said.verb == "NBIRTH":
                born = {None}
            elif said.verb == "DBIRTH":
                born.add(said.device)
            elif said.device not in born:
                yield f"{said.topic} before its birth"
            elif said.verb == "DDEATH":
                born.discard(said.device)


@rule(
    "topics-nbirth-metric-reqs",
    "operational-behavior-data-publish-nbirth",
    "topics-dbirth-metric-reqs",
    "operational-behavior-data-publish-dbirth",
    "payloads-alias-uniqueness",
)
def data_name_only_what_a_birth_has_named(sessions):
    for session in sessions:
        owner: dict[int, tuple[str | None, str]] = {}
        for said in session.of(*NUMBERED):
            if said.verb == "NBIRTH":
                owner = {}
            for found in said.told.metrics:
                if said.verb in BIRTHS and found.HasField("alias"):
                    mine = (said.device, found.name)
                    if owner.setdefault(found.alias, mine) != mine:
                        yield f"alias {found.alias} twice"
                elif said.verb in DATA and owner.get(found.alias, (..., ""))[0] != said.device:
                    yield f"{said.topic}: alias {found.alias} was not born there"


@rule("topics-nbirth-metrics", "topics-dbirth-metrics", "payloads-metric-datatype-req", "payloads-name-requirement")
def births_tell_name_and_datatype(sessions):
    for birth in each(sessions, *BIRTHS):
        for found in birth.told.metrics:
            if not found.name or not found.HasField("datatype"):
                yield f"{birth.topic}: {found}"


@rule("operational-behavior-data-publish-nbirth-values", "operational-behavior-data-publish-dbirth-values")
def births_tell_a_value_or_that_there_is_none(sessions):
    for birth in each(sessions, *BIRTHS):
        for found in birth.told.metrics:
            if found.is_null is (found.WhichOneof("value") is not None):
                yield f"{birth.topic}: {found}"


@rule("payloads-metric-datatype-value", "payloads-metric-datatype-value-type")
def datatypes_are_known(sessions):
    for birth in each(sessions, *BIRTHS):
        yield from (f"datatype {found.datatype}" for found in birth.told.metrics if not 1 <= found.datatype <= 34)


@rule("payloads-alias-birth-requirement")
def births_give_name_and_alias(sessions):
    for birth in each(sessions, *BIRTHS):
        free = {"bdSeq", "Node Control/Rebirth"}
        yield from (
            f.name for f in birth.told.metrics if not f.name or (f.name not in free and not f.HasField("alias"))
        )


@rule("payloads-alias-data-cmd-requirement")
def data_give_the_alias_only(sessions):
    for data in each(sessions, *DATA):
        yield from (f.name for f in data.told.metrics if f.HasField("name") or not f.HasField("alias"))


@rule("payloads-metric-datatype-not-req")
def data_leave_the_datatype_out(sessions):
    for data in each(sessions, *DATA):
        yield from (f"alias {f.alias}" for f in data.told.metrics if f.HasField("datatype"))


@rule(
    "message-flow-device-birth-publish-dbirth-payload",
    "topics-nbirth-templates",
    "payloads-template-definition-nbirth-only",
)
def no_templates_and_so_no_definitions(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        yield from (f.name for f in said.told.metrics if f.datatype == 19 or f.HasField("template_value"))


# Time


@rule(
    "topics-nbirth-timestamp",
    "topics-dbirth-timestamp",
    "topics-ndata-timestamp",
    "topics-ddata-timestamp",
    "payloads-nbirth-timestamp",
    "payloads-dbirth-timestamp",
    "payloads-ndata-timestamp",
    "payloads-ddata-timestamp",
    "payloads-ddeath-timestamp",
    "payloads-timestamp-in-UTC",
)
def messages_tell_when_they_were_sent(sessions):
    for said in each(sessions, *NUMBERED):
        if not said.told.HasField("timestamp") or abs(said.told.timestamp - said.at_ms) > TIME_TOLERANCE_MS:
            yield f"{said.topic}: {said.told.timestamp} at {said.at_ms}"


@rule("payloads-name-birth-data-requirement", "payloads-metric-timestamp-in-UTC")
def metrics_tell_when_they_were_taken(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        for found in said.told.metrics:
            if not found.HasField("timestamp") or found.timestamp > said.at_ms + TIME_TOLERANCE_MS:
                yield f"{said.topic}: {found.timestamp}"
            if found.timestamp < 1_000_000_000_000:
                yield f"{said.topic}: {found.timestamp} is not ms since 1970"


@rule("operational-behavior-data-publish-nbirth-order", "operational-behavior-data-publish-dbirth-order")
def live_values_are_in_order(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        times = [found.timestamp for found in said.told.metrics if not found.is_historical]
        if times != sorted(times):
            yield said.topic


# Change


@rule(
    "principles-rbe-recommended",
    "operational-behavior-data-publish-nbirth-change",
    "operational-behavior-data-publish-dbirth-change",
    "topics-ndata-payload",
    "topics-ddata-payload",
)
def data_tell_changes_only(sessions):
    for session in sessions:
        last: dict[int, object] = {}
        for said in session.of(*BIRTHS, *DATA):
            for found in said.told.metrics:
                if found.is_historical or not found.HasField("alias"):
                    continue
                field = found.WhichOneof("value")
                quality = properties(found).get("Quality")
                worth = (field and getattr(found, field), bool(quality and quality.int_value == 500))
                if said.verb in DATA and not found.is_null and last.get(found.alias) == worth:
                    yield f"{said.topic}: alias {found.alias} is {worth} again"
                last[found.alias] = worth


# Properties


@rule("payloads-propertyset-keys-array-size", "payloads-propertyset-values-array-size")
def as_many_keys_as_values(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        for found in said.told.metrics:
            if len(found.properties.keys) != len(found.properties.values):
                yield f"{said.topic}: {found.properties}"


@rule(
    "payloads-metric-propertyvalue-type-req",
    "payloads-metric-propertyvalue-type-type",
    "payloads-metric-propertyvalue-type-value",
)
def properties_tell_their_type(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        for found in said.told.metrics:
            yield from (str(value) for value in found.properties.values if not 1 <= value.type <= 21)


@rule("payloads-propertyset-quality-value-type", "payloads-propertyset-quality-value-value")
def quality_is_one_of_three(sessions):
    for said in each(sessions, *BIRTHS, *DATA):
        for found in said.told.metrics:
            quality = properties(found).get("Quality")
            if quality is not None and (quality.type != 3 or quality.int_value not in {0, 192, 500}):
                yield str(quality)
            if found.is_null and (quality is None or quality.int_value == 192):
                yield f"{said.topic}: null and good"
