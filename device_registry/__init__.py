"""Who and what there is: tenants, people, sites, machines, models, tags, gateways, labels.

seed, catalog ──write──► registry.* ──► store ──► frozen records
"""


class RegistryError(Exception):
    """Root of everything this package raises."""


class UnknownGateway(RegistryError):
    """No active gateway has this name in this tenant; register it first."""


class UnknownMachine(RegistryError):
    """No machine has this id in this tenant."""


class LoginTaken(RegistryError):
    """Another person already logs in under this name; choose another one."""


class WeakPassword(RegistryError):
    """The password is too easy to guess; the text says why."""
