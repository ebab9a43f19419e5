"""Plays histories of a machine of rules; the same seed plays the same ones."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

STEPS = 60


def play(machine: type[RuleBasedStateMachine], histories: int, seed_: int, *, shrink: bool = True) -> None:
    """Raises AssertionError with the shortest history that breaks the rules, if one of these does."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    chosen = settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(seed_)(type(machine.__name__, (machine,), {})), settings=chosen)
