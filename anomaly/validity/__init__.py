"""Whether a sensor can be believed: sensor faults, found per tag and kept apart from what a machine does.

Rows ──learn──► habits of each tag        Rows ──update──► usable [n, k], fault [n, k]

  a step no neighbour shares ──doubt──► back at once: spike │ known ratio: unit switch │ dead: stuck, range │ believed
  longer flat than its habit ──► stuck      wild in one tag alone ──► noise      nothing measured, a hole ──► gap

A fault of the machine moves several tags, or one tag along a way that a tag can go: that is believed and handed on.
"""

from anomaly.validity.faults import SensorFault
from anomaly.validity.validity import Validity

__all__ = ["SensorFault", "Validity"]
