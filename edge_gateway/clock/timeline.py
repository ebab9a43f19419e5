"""Which time a sample gets: monotonic time plus an offset that only a clock somebody vouches for may move. Pure.

    wall, monotonic, kernel's state ──observe──► offset slewed | corrected | kept, and samples in doubt
    monotonic ──now_ns──► stamp

| the wall clock                         | disciplined (NTP)  | nobody vouches for it                                  |
|----------------------------------------|--------------------|--------------------------------------------------------|
| drifts, at most half a second          | followed by slewing| followed by slewing                                    |
| steps                                  | taken over at once | not believed: the old timeline goes on, in doubt       |
| steps, and ours was impossible (no RTC)| taken over at once | taken over at once                                     |

What is stamped before the time is known is worth holding back: as long as the time is impossible (before this version
was made); and for at most `wait_s` when it is before the last start of the gateway, or on a box that is used to a
disciplined clock and does not have one yet (a real-time clock kept in local time is whole hours off until NTP answers).
"""

from runtime.clock import NS_PER_S, ClockState

# No gateway of this version has ever measured anything before.
MADE_NS = 1_790_000_000 * NS_PER_S
_STEP_NS = NS_PER_S // 2
_SLEW_SHARE = 20  # at most a twentieth of the time that has passed, so that stamps always go forward


class Timeline:
    """The time of one process.

    `in_doubt`: samples stamped now are UNCERTAIN clock_unsynced. `waits`: they had better be held back for a while.
    """

    def __init__(self, wall_ns: int, monotonic_ns: int, state: ClockState, wait_s: float) -> None:
        self._offset_ns = wall_ns - monotonic_ns
        self._seen_ns = monotonic_ns
        self._known_ns = MADE_NS
        self._wait_until_ns = monotonic_ns + round(wait_s * NS_PER_S)
        self._was_synced = False
        self._stepped = False
        self.state = state
        self._judge()

    def learn(self, known_ns: int, *, was_synced: bool) -> None:
        """What the spool knows: a time that has been already, and whether earlier processes had a disciplined clock."""
        self._known_ns = max(MADE_NS, known_ns)
        self._was_synced = was_synced
        self._judge()

    def now_ns(self, monotonic_ns: int) -> int:
        """Ns since 1970 UTC of a moment of this process."""
        return self._offset_ns + monotonic_ns

    def observe(self, wall_ns: int, monotonic_ns: int, state: ClockState) -> int:
        """Look at the wall clock, about once a second; returns by how many ns the timeline was corrected, usually 0."""
        self.state = state
        apart_ns = wall_ns - monotonic_ns - self._offset_ns
        corrected_ns = 0
        if abs(apart_ns) <= _STEP_NS:
            most_ns = (monotonic_ns - self._seen_ns) // _SLEW_SHARE
            self._offset_ns += max(-most_ns, min(most_ns, apart_ns))
            self._stepped = False
        elif state is ClockState.SYNCED or (self._behind(self._known_ns) and wall_ns >= self._known_ns):
            self._offset_ns += apart_ns
            corrected_ns = apart_ns
            self._stepped = False
        else:
            self._stepped = True
        self._seen_ns = monotonic_ns
        self._judge()
        return corrected_ns

    @property
    def distrusted_step(self) -> bool:
        """The wall clock was set to another time and nobody vouches for it."""
        return self._stepped

    def _behind(self, time_ns: int) -> bool:
        return self.now_ns(self._seen_ns) < time_ns

    def _judge(self) -> None:
        vouched = self.state is ClockState.SYNCED
        early = self._seen_ns < self._wait_until_ns
        expected = early and (self._was_synced or self._behind(self._known_ns))
        self.waits = not vouched and (expected or self._behind(MADE_NS))
        self.in_doubt = self.waits or (not vouched and self._stepped)
