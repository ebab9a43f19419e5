"""Whatever is sent, the answer is never a fault of ours, and every refusal is a problem."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.limits import usual_limits
from runtime.clock import SystemClock
from tests.api.test_access_matrix import BODIES, OPERATIONS, STREAMS

pytestmark = pytest.mark.timeout(300)

_TEXT = st.text(max_size=30)  # with NUL, lone surrogates and control characters
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
# Broken anyhow; near a right body with one field replaced, added or taken away; the like in the address.
_BROKEN = st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode())
_PATH = st.text(min_size=1, max_size=40, alphabet=st.characters(exclude_characters="/?#", exclude_categories=["Cs"]))
_CALMLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def send(client, app, operation, path, headers, **more):
    object.__setattr__(app.state.api, "limits", usual_limits(SystemClock()))
    answer = await client.request(OPERATIONS[operation][0], path, headers=headers, **more)
    assert answer.status_code < 500, (operation, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", operation
        assert answer.json().keys() >= {"type", "title", "status", "detail"}


def known_ids(plant):
    return {
        "machine_id": plant.machine, "order_id": plant.alarm, "alarm_id": plant.alarm, "label_id": plant.alarm,
        "attachment_id": plant.alarm, "token": plant.label_token, "report_id": plant.alarm,
        "gateway_id": plant.extra["gateway"], "waveform_id": plant.extra["waveform"],
        "standing_id": plant.extra["standing"], "pattern_id": plant.extra["pattern"], "stop_id": plant.extra["stop"],
        "dependency_id": plant.extra["dependency"], "model_id": plant.extra["model"],
    }  # fmt: skip


@_CALMLY
@given(data=st.data())
async def test_broken_bodies(client, app, ours, data):
    operation = data.draw(st.sampled_from(sorted({*BODIES, "send_report"})))
    body = data.draw(_BROKEN)
    if operation in BODIES and data.draw(st.booleans()):
        near = BODIES[operation](ours)
        near[data.draw(st.sampled_from(sorted(near)) | _TEXT)] = data.draw(_JSON)
        body = json.dumps(near).encode()
    types = ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/json; charset=x"]
    content_type = data.draw(st.sampled_from(types))
    headers = ours.bearer("planner") | {"content-type": content_type}
    path = OPERATIONS[operation][1].format(**known_ids(ours))
    await send(client, app, operation, path, headers, content=body)


@_CALMLY
@given(data=st.data())
async def test_broken_addresses(client, app, ours, data):
    operation = data.draw(st.sampled_from(sorted(OPERATIONS.keys() - STREAMS)))
    _, path, names = OPERATIONS[operation]
    ids = {name: data.draw(st.just(str(known_ids(ours)[name])) | _PATH) for name in names}
    query = data.draw(
        st.dictionaries(
            st.sampled_from(
                ["cursor", "limit", "state", "tags", "from", "to", "points", "role", "active", "mine", "days", "name"]
            ),
            st.text(max_size=20, alphabet=st.characters(exclude_categories=["Cs"]))
            | st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-1", "1e999", "999999999999"]),
            max_size=4,
        )
    )
    ids = {name: quote(value, safe="") for name, value in ids.items()}
    headers = ours.bearer(data.draw(st.sampled_from(["planner", "admin"])))
    if operation == "end_session":
        headers = {"Authorization": "Bearer x"}
    await send(client, app, operation, path.format(**ids), headers, params=query)
