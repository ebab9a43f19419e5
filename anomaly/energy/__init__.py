"""What a machine pays in energy for what it makes: specific energy, idling, leaks, drift of efficiency, money. Pure.

power, output ──use──► kWh per unit, share of idling        off-hours power ──leak──► share lost to leaks
power given output ──EfficiencyDrift──► surprise, excess kW ──weekly_cost──► money per week
"""

from anomaly import AnomalyError


class NotEnoughData(AnomalyError):
    """Too little was measured, or too much of it is missing, to say anything."""
