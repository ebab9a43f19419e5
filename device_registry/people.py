"""Passwords: what may be one, how it is kept (argon2id), how it is checked. Pure, but slow on purpose: about 60 ms.

Source: OWASP Password Storage Cheat Sheet (argon2id, 19 MiB, 2 passes, 1 lane); NIST SP 800-63B §5.1.1 (length and
known-bad passwords count, composition rules do not).
"""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from device_registry import WeakPassword

LENGTH_LEAST, LENGTH_MOST = 10, 128
_COMMON = frozenset(
    {
        "0123456789", "0987654321", "1234567890", "12345678910", "9876543210", "1q2w3e4r5t", "q1w2e3r4t5", "qwertyuiop",
        "1qaz2wsx3edc", "qwerty1234", "qwerty12345", "qwerty123456", "password12", "password123", "password1234",
        "passw0rd123", "administrator", "admin12345", "admin123456", "iloveyou12", "woaini1314", "woaini5201314",
        "letmein123", "welcome123", "welcome1234", "changeme123", "linewright", "linewright1", "maintenance",
        "asdfghjkl1", "zxcvbnm123", "abcdefghij", "abcd123456", "a123456789", "aa12345678", "zhang123456",
    }
)  # fmt: skip
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked for a login that does not exist, so that the answer takes as long as for one that does.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$bGluZXdyaWdodCBub2JvZHk$iUCZ/TuIA+t5XUzx9zhOzolVdnFVx8FY/wwrOQcf2dU"


def check_password(login: str, password: str) -> None:
    """Refuse what is guessed first.

    Raises:
        WeakPassword: with the reason.
    """
    if len(password) < LENGTH_LEAST:
        raise WeakPassword(f"a password needs at least {LENGTH_LEAST} characters")
    if len(password) > LENGTH_MOST:
        raise WeakPassword(f"a password has at most {LENGTH_MOST} characters")
    plain = password.casefold()
    if len(set(plain)) < 4:
        raise WeakPassword("a password needs at least 4 different characters")
    if plain in _COMMON:
        raise WeakPassword("this password is on every list of common passwords")
    if login and login.casefold() in plain and len(plain) - len(login) < LENGTH_LEAST - 4:
        raise WeakPassword("a password must not be built from the login")


def hash_password(password: str) -> str:
    """What is kept: a PHC string with its own salt and parameters."""
    return _HASHER.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """Whether `password` belongs to `kept`; None (nobody has this login) is False and takes as long."""
    try:
        return _HASHER.verify(kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def random_password() -> str:
    """A password for a new person, told once."""
    return secrets.token_urlsafe(12)
