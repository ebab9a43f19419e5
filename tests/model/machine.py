"""The receipt protocol as a game against it: boxes, their twins, a broker that keeps nothing, workers, a database.

    boxes ──send──► on the way (lost, twice, in any order) ──► workers (crash before or after COMMIT) ──► database
      ▲                                                                                                      │
      └──hear── receipts (lost, twice, in any order, days late) ◄────────────────────────────────────────────┘
    any time: power cuts, a disk put back from an image, a machine copied while it runs, a database that goes back

Whatever was played: once the world behaves, every sample that a box still holds is stored, or flagged as a conflict;
none is there twice; and no box was ever told that a sample is stored which never was.
"""

import shutil

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.floor_box import FloorBox
from tests.model.traffic import Traffic, message_of, which

BOXES_MOST, RUNS_MOST = 3, 30
MINUTES_10, A_DAY = 600.0, 90_000.0


class Protocol(Traffic):
    """One history."""

    # Processes, disks, machines

    @rule(box=which, crash=st.booleans())
    @precondition(lambda self: self.runs < RUNS_MOST)
    def restart(self, box: int, crash: bool) -> None:
        self._restart(self._pick(box), crash=crash)

    @rule(box=which, times=st.integers(2, 10))
    @precondition(lambda self: self.runs < RUNS_MOST)
    def restart_again_and_again(self, box: int, times: int) -> None:
        """A box with a loose contact, which measures a little each time."""
        for _ in range(times):
            self._restart(self._pick(box), crash=True)
            self.measure(box, 1)

    def _restart(self, box: FloorBox, *, crash: bool) -> None:
        self._off(box, crash=crash)
        box.start(self._new_run(), self.now_s)

    def _off(self, box: FloorBox, *, crash: bool) -> None:
        if box is self.connected:
            self.disconnect()
        box.stop(self.now_s, crash=crash)

    @property
    def runs(self) -> int:
        return len(self.boxes[0].delivery._runs) if self.boxes else 0

    @rule(box=which)
    def take_image(self, box: int) -> None:
        self.disks = [*self.disks[-2:], self._pick(box).disk()]

    @rule(box=which, image=which, crash=st.booleans())
    @precondition(lambda self: self.disks and self.runs < RUNS_MOST)
    def put_image_back(self, box: int, image: int, crash: bool) -> None:
        self.played["images put back"] += 1
        machine = self._pick(box)
        self._off(machine, crash=crash)
        machine.put_in(self.disks[image % len(self.disks)])
        machine.start(self._new_run(), self.now_s)

    @rule(image=which)
    @precondition(lambda self: self.disks and len(self.boxes) < BOXES_MOST)
    def start_image_elsewhere(self, image: int) -> None:
        self.played["images started elsewhere"] += 1
        twin = self._box()
        twin.put_in(self.disks[image % len(self.disks)])
        twin.start(self._new_run(), self.now_s)

    @rule(box=which)
    @precondition(lambda self: len(self.boxes) < BOXES_MOST)
    def copy_running_machine(self, box: int) -> None:
        self.played["machines copied while running"] += 1
        twin = self._pick(box).snapshot(self.folder / f"box-{next(self.numbers)}")
        twin.delivery.disconnected()
        self.boxes.append(twin)

    # The database

    @rule()
    def back_up(self) -> None:
        self.backups = [*self.backups[-2:], self.cloud.now]

    @rule(backup=which)
    @precondition(lambda self: self.backups)
    def go_back(self, backup: int) -> None:
        self.played["databases restored"] += 1
        self.cloud.now = self.backups[backup % len(self.backups)]

    @rule()
    def forget_hashes(self) -> None:
        held = {key for box in self.boxes for key in box.held()}
        self.cloud.forget_hashes(held, {box.run for box in self.boxes})

    @rule(seconds=st.sampled_from([0.1, 3.0, 20.0, 100.0, MINUTES_10, A_DAY]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    # The end of a history

    def teardown(self) -> None:
        try:
            if self.boxes:
                self._behave()
                self._account()
        finally:
            for box in self.boxes:
                box.spool.close()
            shutil.rmtree(self.folder)

    def _behave(self) -> None:
        """Nothing is lost any more; every box is connected again and again, as long as a smaller ledger takes."""
        self.on_the_way.clear()
        self.receipts.clear()
        self.cloud.credit = 64
        for _ in range(6):
            for box in self.boxes:
                self._connect(box)
                box.measure([1.0 * next(self.numbers)], self.now_s)
                self._drain(box)
                self.now_s += 130

    def _drain(self, box: FloorBox) -> None:
        for _ in range(1000):
            sent = box.send(self.now_s, 20)
            for each in sent:
                box.puback(each.key)
            if sent:
                for told in self.cloud.commit([message_of(each) for each in sent]):
                    self._hear(told)
            elif box.delivery.in_flight:
                self.now_s = max(self.now_s, box.delivery.due_s())
            else:
                return
        raise AssertionError(f"{box.delivery.open} batches stay open for ever")

    def _account(self) -> None:
        self.played["conflicts flagged"] += self.cloud.conflicts
        twice = [value for value, count in self.cloud.now.rows.items() if count > 1]
        assert not twice, f"samples {twice} are stored twice"
        for box in self.boxes:
            assert not box.delivery.open
            missing = {key: value for key, value in box.held().items() if not self.cloud.has(value)}
            lost = {key: value for key, value in missing.items() if not self._is_taken(key, value)}
            assert not lost, f"still in the spool and not in the database: {lost}"
