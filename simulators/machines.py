"""The machines there are, by kind."""

from simulators.compressor import Compressor
from simulators.machine import Machine
from simulators.press import Press
from simulators.pump import Pump
from simulators.spindle import Spindle
from simulators.tags import Kind

MACHINES: dict[Kind, type[Machine]] = {"compressor": Compressor, "pump": Pump, "spindle": Spindle, "press": Press}
