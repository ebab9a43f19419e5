"""Deployment files agree with the code: settings and folders exist, secrets are declared."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from anomaly.settings import AnomalySettings
from api.settings import ApiSettings
from edge_gateway.settings import GatewaySettings
from ingest_service.settings import IngestSettings
from linewright.parts import MigrateSettings
from maintenance.settings import MaintenanceSettings
from runtime.settings import PREFIX, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MODELS = {
    "migrate": MigrateSettings,
    "ingest": IngestSettings,
    "anomaly": AnomalySettings,
    "maintenance": MaintenanceSettings,
    "api": ApiSettings,
}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_compose_gives_each_service_settings_it_knows(compose, name, tmp_path):
    service = compose["services"][name]
    assert service["command"] == [name]
    environ = {}
    for key, value in service["environment"].items():
        secret = tmp_path / key
        secret.write_text("postgresql://u:p@h/d")
        assert key.startswith(PREFIX)
        environ[key] = str(secret) if str(value).startswith("/run/secrets/") else str(value)
    settings = load(MODELS[name], None, environ)
    assert settings.database.dsn.get_secret_value() == "postgresql://u:p@h/d"
    if "LINEWRIGHT_BROKER__HOST" in environ:
        assert settings.broker.host == "broker"
        assert settings.broker.tls


def test_every_secret_that_a_service_mounts_is_declared_and_made(compose):
    made = (DEPLOY / "secrets-make").read_text()
    for service in compose["services"].values():
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
            assert secret.removesuffix("_dsn") in made


def test_nothing_but_the_api_and_the_tls_broker_is_published(compose):
    published = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}
    assert published == {"broker": ["8883:8883"], "api": ["8443:8443"]}


def test_secrets_are_made_once_with_narrow_rights(tmp_path):
    shutil.copy(DEPLOY / "secrets-make", tmp_path)
    for _ in range(2):
        subprocess.run([tmp_path / "secrets-make"], check=True, capture_output=True)
        passwords = {(tmp_path / "secrets" / role).read_text() for role in ("owner", "ingest", "worker", "app")}
    assert len(passwords) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "secrets").iterdir())
    assert (tmp_path / "secrets/app_dsn").read_text().startswith("postgresql://lw_app:")


def test_the_image_copies_every_package_and_nothing_that_is_not_there():
    copied = {line.split()[1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")}
    packages = {path.parent.name for path in ROOT.glob("*/py.typed")}
    assert packages <= copied
    for name in copied - {"--from=web"}:
        assert (ROOT / name).exists(), name


def test_sample_gateway_is_a_valid_configuration():
    settings = load(GatewaySettings, DEPLOY / "samples/gateway.toml", {})
    assert [device.name for device in settings.devices] == ["compressor-1", "cnc-1"]
    assert settings.broker.tls
