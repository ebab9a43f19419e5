"""Free ports: different ones, free, and not of the range that the kernel lends to callers."""

import socket
from pathlib import Path

import pytest

from runtime.ports import free_ports


def test_they_differ_and_can_be_listened_on():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_the_kernel_lends_none_of_them():
    lent = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not lent.exists():
        pytest.skip("this kernel does not tell which ports it lends")
    assert max(free_ports(50)) < int(lent.read_text().split()[0])
