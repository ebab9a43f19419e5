"""Disks that fill up, turn read-only or lose the file: nothing that was committed is lost, and writing resumes."""

import asyncio
import contextlib
import shutil
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from edge_gateway import SpoolUnwritable, batcher
from edge_gateway.catalog import number
from edge_gateway.settings import GatewaySettings, SpoolSettings
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.spool.spool import open_spool
from edge_gateway.uplink.delivery import BatchKey
from protocols.sample import Reason, bad
from runtime.clock import SystemClock
from tests.edge_gateway.disks import aborted, fill, immutable, small_ext4, small_tmpfs
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Plc, gateway, listening
from tests.edge_gateway.spool_parts import DAY_S, MIB, RUN, keys, noise, opened, write


@pytest.fixture
def disk(tmp_path):
    """A file system of 4 MiB in memory."""
    with small_tmpfs(tmp_path / "disk") as place:
        yield place


# Full


def test_on_a_full_disk_the_oldest_goes_and_every_drop_is_counted(disk):
    path = disk / "gw.spool"
    spool = opened(path, max_bytes=16 * MIB)
    dropped = samples = 0
    for seq in range(1, 401):
        written = write(spool, noise(1000, seq))
        dropped += written.dropped_batches
        samples += written.dropped_samples
    (held,) = spool.held()
    assert dropped > 50
    assert len(held.open) + dropped == 400
    assert held.open.last == 400
    assert sum(gap.samples for gap in spool.dropped()) == samples == dropped * 1000
    spool.close()
    spool, found = open_spool_file(path, 16 * MIB, DAY_S)
    assert found.set_aside is None
    spool.close()


def test_when_somebody_else_fills_the_disk_nothing_is_lost_and_writing_resumes(disk):
    spool = opened(disk / "gw.spool", max_bytes=16 * MIB)
    seqs = []
    (disk / "other").write_bytes(bytes(2 * MIB))
    refused = 0
    for seed in range(60):
        if seed == 40:
            (disk / "other").unlink()
        with contextlib.suppress(SpoolUnwritable):
            seqs += [key.seq for key in write(spool, noise(1000, seed)).keys]
            continue
        refused += 1
    assert len(seqs) + refused == 60
    assert len(seqs) > 30
    (held,) = spool.held()
    lost = sum(gap.last_seq - gap.first_seq + 1 for gap in spool.dropped())
    assert len(held.open) + lost == len(seqs)
    spool.close()


def test_a_start_on_a_full_disk_works_with_what_is_reserved(disk):
    path = disk / "gw.spool"
    spool = opened(path, max_bytes=16 * MIB)
    write(spool, noise(1000, 1))
    spool.close()
    fill(disk / "other")
    spool = opened(path, max_bytes=16 * MIB, run=UUID(int=2))
    assert write(spool, noise(10, 2)).keys == [BatchKey(UUID(int=2), 1)]
    assert [held.run for held in spool.held()] == [RUN, UUID(int=2)]
    spool.close()


def test_a_full_disk_does_not_keep_batches_from_being_delivered(disk):
    spool = opened(disk / "gw.spool", max_bytes=16 * MIB)
    written = [key for seed in range(5) for key in write(spool, noise(1000, seed)).keys]
    (disk / "gw.spool-reserve").unlink()
    fill(disk / "other")
    assert None not in spool.load(written)
    spool.close()


async def test_a_first_start_on_a_full_disk_waits_and_says_so_once(disk):
    settings = SpoolSettings(path=disk / "gw.spool", max_bytes=2 * MIB)
    catalog = number([modbus_device("press-1", 5020, {"a": 1.0})]).catalog
    fill(disk / "other")
    with capture_logs() as told:

        async def start() -> UUID:
            async with open_spool(settings, catalog, SystemClock()) as spool:
                return spool.runs[0]

        task = asyncio.create_task(start())
        while not told:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.6)
        assert not task.done()
        (disk / "other").unlink()
        run = await asyncio.wait_for(task, 15)
    assert [line["event"] for line in told] == ["spool lost, trying again", "spool back"]
    assert "free space" in told[0]["way_out"]
    spool, found = open_spool_file(settings.path, 2 * MIB, DAY_S)
    assert [held.run for held in found.runs] == [run]
    spool.close()


async def test_a_start_in_a_folder_that_is_not_there_is_an_error(tmp_path):
    catalog = number([modbus_device("press-1", 5020, {"a": 1.0})]).catalog
    with pytest.raises(SpoolUnwritable, match="folder that it may write to"):
        async with open_spool(SpoolSettings(path=tmp_path / "no" / "gw.spool"), catalog, SystemClock()):
            pass


# Read-only


def test_a_file_system_that_turns_read_only_is_read_on_and_left_for_another(tmp_path):
    place = tmp_path / "disk"
    with small_ext4(place):
        spool = opened(place / "gw.spool", max_bytes=4 * MIB)
        written = write(spool, noise(100, 1), noise(100, 2)).keys
        aborted(place)
        for _ in range(3):
            with pytest.raises(SpoolUnwritable, match="I/O"):
                write(spool, noise(100, 3))
        before = spool.load(written)
        assert None not in before
    with small_tmpfs(place):  # somebody mounts another disk there
        written += write(spool, noise(100, 3)).keys
        spool.close()
        spool, found = open_spool_file(place / "gw.spool", 4 * MIB, DAY_S)
        assert keys(found.runs) == written
        assert spool.load(written[:2]) == before
        spool.close()


def test_files_that_may_not_be_written_any_more_are_tried_again(tmp_path):
    path = tmp_path / "gw.spool"
    spool = opened(path)
    written = write(spool, noise(100, 1)).keys
    with immutable(path, tmp_path / "gw.spool-wal"):
        with pytest.raises(SpoolUnwritable):
            write(spool, noise(100, 2))
        assert None not in spool.load(written)
    written += write(spool, noise(100, 2)).keys
    assert keys(spool.held()) == written
    spool.close()


# Deleted


@pytest.mark.parametrize("names", [["gw.spool"], ["gw.spool-wal"], ["gw.spool", "gw.spool-wal", "gw.spool-reserve"]])
def test_a_file_deleted_under_us_is_written_anew_with_all_that_is_in_it(tmp_path, names):
    place, cut = tmp_path / "place", tmp_path / "cut"
    place.mkdir()
    spool = opened(place / "gw.spool")
    written = [key for seed in range(20) for key in write(spool, noise(100, seed)).keys]
    payloads = spool.load(written)
    for name in names:
        (place / name).unlink()
    with capture_logs() as told:
        written += write(spool, noise(100, 77)).keys
        written += write(spool, noise(100, 78)).keys
    assert [line["event"] for line in told] == ["spool file was deleted, written anew"]
    assert spool.load(written[:20]) == payloads
    payloads = spool.load(written)
    shutil.copytree(place, cut)  # as a power cut would leave it
    spool.close()
    for folder in (place, cut):
        spool, found = open_spool_file(folder / "gw.spool", 64 * MIB, DAY_S)
        assert keys(found.runs) == written
        assert spool.load(written) == payloads
        spool.close()


def test_a_file_that_somebody_put_in_its_place_is_set_aside(tmp_path):
    path = tmp_path / "gw.spool"
    spool = opened(path)
    written = write(spool, noise(100, 1)).keys
    (tmp_path / "other").write_bytes(b"a backup")
    (tmp_path / "other").rename(path)
    written += write(spool, noise(100, 2)).keys
    spool.close()
    assert (tmp_path / "gw.spool.replaced").read_bytes() == b"a backup"
    spool, found = open_spool_file(path, 64 * MIB, DAY_S)
    assert keys(found.runs) == written
    spool.close()


def test_what_is_deleted_on_a_full_disk_waits_for_space(disk):
    spool = opened(disk / "gw.spool", max_bytes=2 * MIB)
    written = [key for seed in range(80) for key in write(spool, noise(1000, seed)).keys]
    (disk / "gw.spool").unlink()
    fill(disk / "other")
    with pytest.raises(SpoolUnwritable):
        write(spool, noise(1000, 99))
    held = keys(spool.held())
    assert None not in spool.load(held)
    (disk / "other").unlink()
    written += write(spool, noise(1000, 99)).keys
    assert spool.load(held) != []
    assert keys(spool.held())[-1] == written[-1]
    spool.close()


# The whole gateway


async def test_a_gateway_on_a_full_disk_stays_up_marks_its_polls_and_goes_on(disk, broker, free_port, monkeypatch):
    monkeypatch.setattr(batcher, "MEMORY_BYTES_MOST", 40_000)
    device = modbus_device("press-1", free_port(), {"a": 0.02, "b": 0.02})
    settings = GatewaySettings(
        tenant=ADDRESS.tenant,
        gateway=ADDRESS.gateway,
        broker=broker.settings,
        spool={"path": disk / "gw.spool", "max_bytes": 2 * MIB},
        devices=[device.model_dump(exclude_unset=True)],
    )
    with capture_logs() as told:
        async with Plc(device.modbus.port) as plc, listening(broker.settings) as ingest, gateway(settings) as task:
            await ingest.until(lambda: len(ingest.batches) >= 2)
            (disk / "gw.spool-reserve").unlink()
            fill(disk / "other")
            async with asyncio.timeout(20):
                while not lost(told):
                    fill(disk / "more")
                    await asyncio.sleep(0.1)
            await asyncio.sleep(2)
            reads = len(plc.handed[0])
            await asyncio.sleep(1)
            assert len(plc.handed[0]) - reads < 10  # nothing is read that cannot be kept
            assert not task.done()
            for name in ("other", "more"):
                (disk / name).unlink()
            await ingest.until(lambda: ingest.codes().get(bad(Reason.OVERRUN), 0) >= 2, within_s=20)
            seen = len(ingest.batches)
            await ingest.until(lambda: len(ingest.batches) > seen + 1)
    assert len(lost(told)) == 1
    assert "free space" in lost(told)[0]["way_out"]


def lost(told) -> list[dict]:
    return [line for line in told if line["event"].startswith("spool lost")]
