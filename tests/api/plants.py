"""Two tenants with the same things in them, so that every foreign id is a real one."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID, uuid4

import psycopg

from device_registry.people import hash_password

PASSWORD = "quiet heron 42"
ROLES = ("operator", "technician", "planner", "admin", "vendor")


@dataclass(frozen=True, slots=True)
class Plant:
    """One tenant; `tokens` opens a session a role, `second` is another technician."""

    tenant_id: UUID
    slug: str
    people: dict[str, UUID]
    tokens: dict[str, str]
    machine: UUID
    machine_a: UUID
    label: UUID
    label_token: str
    short_code: str
    tags: dict[str, UUID]
    series: dict[str, int]
    alarm: UUID
    evidence_sha256: str
    extra: dict[str, UUID] = field(default_factory=dict)

    def bearer(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"}


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


def build(dsn: str, slug: str) -> Plant:
    """Write a tenant as the owner; row-level security binds the owner as well."""
    tenant = uuid4()
    with psycopg.connect(dsn) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
        conn.execute(
            "INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, %s, %s)", [tenant, slug, slug.title()]
        )
        people, tokens = _people(conn, tenant, slug)
        site = _one(
            conn, "INSERT INTO registry.site (tenant_id, slug, name) VALUES (%s, 'plant-1', 'Plant 1')", [tenant]
        )
        model = _one(
            conn,
            "INSERT INTO registry.machine_model (tenant_id, slug, name, maker, machine_class) "
            "VALUES (%s, 'p-100', 'P 100', 'Maker', 'pump')",
            [tenant],
        )
        machines = [_machine(conn, tenant, name, site, model, c) for name, c in (("pump-1", "B"), ("pump-2", "A"))]
        tags, series = _tags(conn, tenant, machines[0])
        token, code = secrets.token_urlsafe(16), secrets.token_hex(4).upper()
        label = _one(
            conn,
            "INSERT INTO registry.label (tenant_id, machine_id, token, short_code) VALUES (%s, %s, %s, %s)",
            [tenant, machines[0], token, code],
        )
        gateway = _one(
            conn, "INSERT INTO registry.gateway (tenant_id, slug, name) VALUES (%s, 'gw-1', 'Gateway 1')", [tenant]
        )
        waveform = add_waveform(conn, series["vibration"])
        alarm, digest = add_alarm(conn, tenant, machines[0], "bearing_wear")
        silence = _silence(conn, tenant, machines, alarm, people["planner"])
        silence["model"] = add_model(conn, tenant)
    return Plant(
        tenant, slug, people, tokens, *machines, label, token, code, tags, series, alarm, digest,
        {"gateway": gateway, "waveform": waveform} | silence,
    )  # fmt: skip


def _one(conn, query, values):
    return conn.execute(query + " RETURNING id", values).fetchone()[0]


def _people(conn, tenant, slug):
    people, tokens = {}, {}
    for who in (*ROLES, "second"):
        role = "technician" if who == "second" else who
        people[who] = _one(
            conn,
            "INSERT INTO registry.person (tenant_id, login, name, password_hash, roles) VALUES (%s, %s, %s, %s, %s)",
            [tenant, f"{slug}-{who}", who.title(), _hash(), [role]],
        )
        tokens[who] = add_session(conn, tenant, people[who])
    return people, tokens


def add_session(conn, tenant, person, lasts="1 hour"):
    token = secrets.token_urlsafe(32)
    conn.execute(
        "INSERT INTO registry.session (token_sha256, tenant_id, person_id, expires_at) "
        "VALUES (%s, %s, %s, now() + %s::interval)",
        [hashlib.sha256(token.encode()).digest(), tenant, person, lasts],
    )
    return token


def _machine(conn, tenant, slug, site, model, criticality):
    return _one(
        conn,
        "INSERT INTO registry.machine (tenant_id, slug, name, site_id, model_id, serial, criticality) "
        "VALUES (%s, %s, %s, %s, %s, 'SN-SECRET-1', %s)",
        [tenant, slug, slug.title(), site, model, criticality],
    )


def _tags(conn, tenant, machine):
    tags, series = {}, {}
    for slug, kind, unit in (("flow", "float", "m³/h"), ("vibration", "float", "mm/s"), ("mode", "text", "")):
        tags[slug], series[slug] = conn.execute(
            "INSERT INTO registry.tag (tenant_id, machine_id, slug, name, unit, kind) "
            "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id, series_id",
            [tenant, machine, slug, slug.title(), unit, kind],
        ).fetchone()
    conn.execute(
        "INSERT INTO alarm.limit_rule (tenant_id, tag_id, kind, threshold, cause) VALUES (%s, %s, 'high', 7.1, 'wear')",
        [tenant, tags["vibration"]],
    )
    return tags, series


def _silence(conn, tenant, machines, alarm, person):
    """A rule that was demoted, a pattern called false, a stop of yesterday, and a machine that needs the other."""
    return {
        "standing": _one(
            conn,
            "INSERT INTO alarm.standing (tenant_id, source, model_version, cause, machine_class, standing) "
            "VALUES (%s, 'limit', 'limit/1', 'bearing_wear', 'pump', 'advisory')",
            [tenant],
        ),
        "pattern": _one(
            conn,
            "INSERT INTO alarm.false_pattern (tenant_id, alarm_id, machine_id, cause, tags, shares, score, "
            "expires_at) VALUES (%s, %s, %s, 'unusual', '{flow}', '{1}', 1.2, now() + interval '1 day')",
            [tenant, alarm, machines[0]],
        ),
        "stop": _one(
            conn,
            "INSERT INTO alarm.planned_stop (id, tenant_id, machine_id, starts_at, ends_at, reason, by_id) VALUES "
            "(gen_random_uuid(), %s, %s, now() - interval '2 days', now() - interval '1 day', 'belt', %s)",
            [tenant, machines[0], person],
        ),
        "dependency": _one(
            conn,
            "INSERT INTO registry.dependency (tenant_id, machine_id, parent_id) VALUES (%s, %s, %s)",
            [tenant, machines[0], machines[1]],
        ),
    }


def add_model(conn, tenant, version=1, above_2=0.01):
    """A trained detector; nobody here runs it, so its content is anything."""
    card = {
        "kind": "efficiency-1", "machine": "pump-1", "columns": ["power", "flow"], "rows": 600, "from_ns": 1,
        "to_ns": 2, "figures": {"above_2": {"value": above_2, "better": "lower"}}, "note": "",
    }  # fmt: skip
    return _one(
        conn,
        "INSERT INTO alarm.model (tenant_id, name, version, card, content, sha256) "
        "VALUES (%s, 'efficiency:pump-1', %s, %s, 'x', 'y')",
        [tenant, version, json.dumps(card)],
    )


def add_waveform(conn, series):
    """Four values of i2 in two parts."""
    waveform, halves = uuid4(), (b"\x01\x00\x02\x00", b"\x03\x00\xff\xff")
    conn.execute(
        "INSERT INTO telemetry.waveform VALUES (%s, '2026-03-01T00:00:01Z', 1772323201000000007, 25600, 0.5, %s, 4, 2, "
        "'<i2', %s)",
        [waveform, series, hashlib.sha256(b"".join(halves)).digest()],
    )
    for part, data in enumerate(halves):
        conn.execute(
            "INSERT INTO telemetry.waveform_part VALUES (%s, %s, %s, %s, %s, now(), 1, %s)",
            [waveform, part, uuid4(), uuid4(), part + 1, data],
        )
    return waveform


def add_alarm(conn, tenant, machine, cause):
    alarm = _one(
        conn,
        "INSERT INTO alarm.alarm (tenant_id, machine_id, cause, class, source, model_version, priority, onset_at, "
        "score, contributions) VALUES (%s, %s, %s, 'machine', 'limit', 'limit/1', 'high', now(), 1.4, %s)",
        [tenant, machine, cause, json.dumps([{"tag": "vibration", "share": 1.0}])],
    )
    snapshot = json.dumps({"cause": cause, "tags": [], "version": 1}, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(snapshot.encode())
    conn.execute(
        "INSERT INTO alarm.evidence (alarm_id, tenant_id, snapshot, sha256) VALUES (%s, %s, %s, %s)",
        [alarm, tenant, snapshot, digest.digest()],
    )
    return alarm, digest.hexdigest()
