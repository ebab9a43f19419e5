"""Half of the model: boxes measure and send, workers commit, receipts go back; each of it lost, doubled or overtaken.

A box has a line while it is `connected`; twins have one name at the broker, so only one of them has.
"""

import itertools
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from edge_gateway.uplink.delivery import BatchKey, ForgetPolicy
from ingest_service.delivery import Message
from protocols.topics import Up
from protocols.wire import receipt as receipts
from tests.ingest_service.ingest_parts import GATEWAY
from tests.model.cloud import Cloud, State
from tests.model.floor_box import Disk, FloorBox, Sent

FAULTS = ("crashes before", "crashes after", "is not heard")
_MEMORY = Path("/dev/shm")

which = st.integers(0, 1000)


class Traffic(RuleBasedStateMachine):
    """What goes on while everybody lives. `played` counts over all histories what happened in them."""

    forget: ForgetPolicy | None = None
    cloud_of = Cloud
    played: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lw-model-", dir=_MEMORY if _MEMORY.is_dir() else None))
        self.numbers = itertools.count(1)
        self.now_s = 1_790_000_000.0
        self.cloud = self.cloud_of()
        self.boxes: list[FloorBox] = []
        self.disks: list[Disk] = []
        self.backups: list[State] = []
        self.on_the_way: list[tuple[FloorBox, Sent]] = []
        self.receipts: list[bytes] = []
        self.connected: FloorBox | None = None

    @initialize()
    def begin(self) -> None:
        self._box().start(self._new_run(), self.now_s)
        self.boxes[0].measure([1.0 * next(self.numbers)], self.now_s)
        self._connect(self.boxes[0])

    def _box(self) -> FloorBox:
        self.boxes.append(FloorBox(self.folder / f"box-{next(self.numbers)}", self.forget))
        return self.boxes[-1]

    def _new_run(self) -> UUID:
        self.played["runs"] += 1
        return UUID(int=next(self.numbers))

    def _pick(self, number: int) -> FloorBox:
        return self.boxes[number % len(self.boxes)]

    # The box and its line

    @rule(box=which, count=st.sampled_from([1, 2, 7, 15]))
    def measure(self, box: int, count: int) -> None:
        self.played["batches"] += count
        self._pick(box).measure([1.0 * next(self.numbers) for _ in range(count)], self.now_s)

    @rule(most=st.integers(1, 20))
    def send(self, most: int) -> None:
        if box := self.connected:
            before = box.delivery.in_flight
            sent = box.send(self.now_s, most)
            assert len(sent) <= most
            assert box.delivery.in_flight <= max(box.told_credit, before), "more than its credit is out"
            self.on_the_way += [(box, each) for each in sent]

    @rule(box=which)
    def connect(self, box: int) -> None:
        """Twins have one name at the broker: who connects throws the other one off."""
        self._connect(self._pick(box))

    def _connect(self, box: FloorBox) -> None:
        self.disconnect()
        self.connected = box
        box.delivery.ask(self.now_s)

    @rule(
        box=which,
        fates=st.lists(st.sampled_from(["commits", "commits", "stays", "is lost", *FAULTS]), min_size=1, max_size=5),
        told=st.sampled_from(["arrives", "arrives", "stays", "is lost"]),
    )
    def exchange(self, box: int, fates: list[str], told: str) -> None:
        """A while with a line: what is due goes out and most of it is answered."""
        self._connect(self._pick(box))
        for fate in itertools.islice(itertools.cycle(fates), 20):
            self.send(5)
            if fate == "is lost":
                self.lose(0, after_puback=True)
            elif fate != "stays":
                self.worker(list(range(6)), fate)
            if told != "stays":
                self.receipt(0, told)

    @rule(box=which, told=st.booleans())
    def a_good_while(self, box: int, told: bool) -> None:
        """It measures, and all of it arrives; its receipts, too, or they are on their way for long."""
        self.measure(box, 2)
        self.exchange(box, ["commits"], "arrives" if told else "stays")

    @rule()
    def disconnect(self) -> None:
        if self.connected:
            self.connected.delivery.disconnected()
        self.connected = None

    # The broker

    @rule(at=which, after_puback=st.booleans())
    def lose(self, at: int, after_puback: bool) -> None:
        if self.on_the_way:
            self.played["lost on the way"] += 1
            box, sent = self.on_the_way.pop(at % len(self.on_the_way))
            if after_puback:
                self._puback(box, sent)

    @rule(at=which)
    def repeat(self, at: int) -> None:
        if self.on_the_way:
            self.played["delivered twice"] += 1
            self.on_the_way.append(self.on_the_way[at % len(self.on_the_way)])

    def _puback(self, box: FloorBox, sent: Sent) -> None:
        if box is self.connected:
            box.puback(sent.key)

    # The workers

    @rule(
        order=st.lists(which, min_size=1, max_size=6),
        fate=st.sampled_from(["commits", "commits", "commits", *FAULTS]),
    )
    def worker(self, order: list[int], fate: str) -> None:
        """Takes some in any order. After a crash, or when the broker misses its acknowledgement, they come again."""
        taken = [self.on_the_way.pop(at % len(self.on_the_way)) for at in order if self.on_the_way]
        if not taken:
            return
        self.played[f"worker {fate}"] += 1
        for box, sent in taken:
            self._puback(box, sent)
        messages = [message_of(sent) for _, sent in taken]
        told = self.cloud.crash(messages) if fate == "crashes before" else self.cloud.commit(messages)
        if fate != "crashes after":
            self.receipts += told
        if fate != "commits":
            self.on_the_way += taken

    @rule(credit=st.sampled_from([1, 3, 64]))
    def change_credit(self, credit: int) -> None:
        self.cloud.credit = credit

    # Receipts

    @rule(at=which, fate=st.sampled_from(["arrives", "arrives", "comes again", "is lost"]))
    def receipt(self, at: int, fate: str) -> None:
        if not self.receipts:
            return
        at %= len(self.receipts)
        told = self.receipts[at] if fate == "comes again" else self.receipts.pop(at)
        self.played[f"receipt {fate}"] += 1
        if fate != "is lost":
            self._hear(told)

    def _hear(self, told: bytes) -> None:
        if not self.connected:
            return
        for key, value in self.connected.hear(receipts.decode(told), self.now_s).items():
            stored = value in self.cloud.ever or self._is_taken(key, value)
            assert stored, f"{key} is receipted, and neither stored nor flagged"

    def _is_taken(self, key: BatchKey, value: float) -> bool:
        """What is known to be missing: a receipt names numbers and not contents, so where a machine was copied while
        it ran, a box can take the receipt of its twin's batch for that of its own: before any worker has seen its own,
        or after the database has forgotten it.
        """
        taken = self.cloud.now.owners.get(key, value) != value
        excused = taken and (value in self.cloud.ever or value not in self.cloud.judged)
        self.played["forgotten for a twin"] += excused
        return excused


def message_of(sent: Sent) -> Message:
    """As the broker hands it to a worker."""
    return Message(GATEWAY.up(Up.DATA), sent.payload)
