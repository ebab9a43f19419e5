"""All tags of one server as columns: place n of every array belongs to the same tag. Pure.

aliases ──slots──► places in the arrays            what is odd about a tag ──notice──► said once
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.opcua.settings import OpcuaTag

Slots = NDArray[np.int64]


class Points:
    """The tags, and which type of value each showed last."""

    def __init__(self, tags: Mapping[int, OpcuaTag], text_bytes_most: int) -> None:
        self.tags = tuple(tags.values())
        self.text_bytes_most = text_bytes_most
        self.alias = np.array(list(tags), np.uint32)
        self.kind = np.array([tag.kind for tag in self.tags], np.uint8)
        self.index = np.array([-1 if tag.index is None else tag.index for tag in self.tags], np.int64)
        self.is_date = np.array([tag.type == "datetime" for tag in self.tags], bool)
        self.shown = np.zeros(len(tags), np.uint8)
        self.doubted = np.zeros(len(tags), np.uint8)
        self._slot_of = {alias: slot for slot, alias in enumerate(tags)}
        self._noticed: dict[int, str] = {}
        self._told: set[int] = set()

    def __len__(self) -> int:
        return len(self.tags)

    def slots(self, aliases: Sequence[int]) -> Slots:
        return np.array([self._slot_of[alias] for alias in aliases], np.int64)

    def notice(self, slot: int, text: str) -> None:
        """Something that the person who wrote the configuration should hear, once a tag."""
        if slot not in self._told:
            self._noticed[slot] = text

    def take_notices(self) -> list[tuple[OpcuaTag, str]]:
        """What was noticed since, to be said now."""
        told = [(self.tags[slot], text) for slot, text in self._noticed.items()]
        self._told.update(self._noticed)
        self._noticed.clear()
        return told
