"""What must outlive the process: the last bdSeq, and which batches the host has been sent. A small file by the spool.

    gateway.spool-sparkplug   {"bd_seq": 17, "sent": {"<run>": [[1, 4711]]}}

A lost or damaged file costs nothing but history that is sent twice and a bdSeq that begins again at 0.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_gateway.sparkplug.backlog import Sent
from edge_gateway.spool.connection import beside
from edge_gateway.uplink.ranges import Ranges

log = structlog.get_logger()

BD_SEQ_END = 256


class Remembered(BaseModel):
    """The content of the file. `bd_seq`: of the last CONNECT; None before the first."""

    model_config = ConfigDict(extra="ignore")

    bd_seq: int | None = Field(None, ge=0, lt=BD_SEQ_END)
    sent: dict[UUID, list[tuple[int, int]]] = {}

    def ranges(self) -> Sent:
        return {run: Ranges(ranges) for run, ranges in self.sent.items()}


class Memory:
    """The file. Its methods block, and may be called from any thread."""

    def __init__(self, spool: Path) -> None:
        self._path = beside(spool, "-sparkplug")
        self._bd_seq: int | None = None
        self._writing = threading.Lock()

    def load(self) -> Remembered | None:
        """What an earlier process has left; None when there was none, or nothing can be read."""
        try:
            remembered = Remembered.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            log.warning("Sparkplug memory unreadable, begun anew", path=str(self._path), cause=str(error)[:200])
            return None
        self._bd_seq = remembered.bd_seq
        return remembered

    def next_bd_seq(self, sent: Mapping[UUID, list[tuple[int, int]]]) -> int:
        """The number of the next CONNECT, on disk before it is used."""
        self._bd_seq = 0 if self._bd_seq is None else (self._bd_seq + 1) % BD_SEQ_END
        self.save(sent)
        return self._bd_seq

    def save(self, sent: Mapping[UUID, list[tuple[int, int]]]) -> None:
        """A file that cannot be written is told and not waited for."""
        content = Remembered(bd_seq=self._bd_seq, sent=dict(sent))
        new = beside(self._path, "-new")
        try:
            with self._writing, new.open("wb") as file:
                file.write(content.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
                new.rename(self._path)
        except OSError as error:
            log.warning("Sparkplug memory not written", path=str(self._path), cause=str(error))
