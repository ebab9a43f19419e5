"""`linewright up` as a person runs it: it starts, says where it is, keeps data, refuses in words, leaves nothing."""

import contextlib
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from linewright.layout import Layout
from linewright.up import NotConfirmed, reset

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture
def data(open_folder):
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o755)
    return folder / "data"


class Up:
    """A running `linewright up`."""

    def __init__(self, data, port, *options):
        self.data = data
        command = [sys.executable, "-m", "linewright", "up", "--data", data, "--port", str(port), *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LINEWRIGHT_")}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environ
        )
        self.told = ""

    def until(self, text, within_s=90):
        deadline = time.monotonic() + within_s
        while text not in self.told:
            ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]
            chunk = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            assert chunk, f"`{text}` did not come:\n{self.told}"
            self.told += chunk
        return self

    def interrupt(self, within_s=5):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(within_s)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def left_over(data):
    """Processes that still speak of the data folder."""
    running = [process.info for process in psutil.process_iter(["cmdline", "pid"])]
    return [info for info in running if any(str(data) in word for word in info["cmdline"] or ())]


def wait_until_gone(data, within_s=10):
    deadline = time.monotonic() + within_s
    while left_over(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left_over(data)


def test_a_small_site_starts_keeps_its_login_and_leaves_no_process(data, free_port):
    with Up(data, free_port()) as first:
        first.until("Ctrl-C stops")
        assert re.search(r"admin\s+\S{12,}", first.told), first.told
        sample = (data / "gateways" / "gw-1.toml").read_text()
        assert first.interrupt() == 0
    assert not wait_until_gone(data, 0.5)
    with Up(data, free_port()) as second:
        second.until("Ctrl-C stops")
        assert "Logins" not in second.told
        assert (data / "gateways" / "gw-1.toml").read_text() == sample
        second.interrupt()


def test_killed_hard_it_leaves_no_process_and_starts_again(data, free_port):
    with Up(data, free_port()) as first:
        first.until("Ctrl-C stops")
        first.process.kill()
    assert not wait_until_gone(data)
    with Up(data, free_port()) as second:
        second.until("Ctrl-C stops").interrupt()


def test_a_second_one_on_the_same_folder_is_refused_in_words(data, free_port):
    with Up(data, free_port()) as first:
        first.until("Ctrl-C stops")
        with Up(data, free_port()) as second:
            assert second.process.wait(60) == 2
            told = second.process.stdout.read().decode()
        assert "in use by another" in told
        assert "Traceback" not in told


def test_a_taken_port_is_refused_in_words(data):
    with socket.create_server(("127.0.0.1", 0)) as taken, Up(data, taken.getsockname()[1]) as up:
        assert up.process.wait(30) == 2
        told = up.process.stdout.read().decode()
    assert "is used by another program" in told
    assert "--port" in told


def test_lan_serves_tls_with_a_certificate_of_its_own(data, free_port):
    port = free_port()
    with Up(data, port, "--lan") as up:
        up.until("Ctrl-C stops")
        certificate = ssl.get_server_certificate(("127.0.0.1", port))
        assert "BEGIN CERTIFICATE" in certificate
        assert "https://" in up.told
        up.interrupt()


def test_reset_wants_a_yes_and_spares_foreign_folders(data, tmp_path, monkeypatch):
    Layout(data).make()
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
    with pytest.raises(NotConfirmed, match="--yes"):
        reset(data, confirmed=False)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(NotConfirmed, match="does not look like"):
        reset(tmp_path, confirmed=True)
    assert (tmp_path / "letter.txt").exists()
    reset(data, confirmed=True)
    assert not data.exists()


def test_a_simulated_plant_never_resets_the_real_data(data):
    Layout(data).make()
    command = [sys.executable, "-m", "linewright", "up", "--simulate", "--reset", "--yes", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "leave it out" in " ".join(done.stderr.split())
    assert data.exists()
