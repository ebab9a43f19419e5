"""What is printed on a machine: a token for the camera and a short code for the fingers. Pure.

token       128 random bits, base64url, 22 characters: the link of the QR code
short code  7 random characters and 1 that checks them, without 0 1 I O U: read out on the phone, typed with gloves
"""

import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"  # 31, a prime: see `_check`
SHORT_CODE_LENGTH = 8
_TOKEN_BYTES = 16


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_short_code() -> str:
    """A code with its check character."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(SHORT_CODE_LENGTH - 1))
    return body + _check(body)


def read_short_code(text: str) -> str | None:
    """The code in what somebody typed (any case, blanks and dashes between), None when it is no code or mistyped."""
    code = "".join(text.split()).replace("-", "").upper()
    if len(code) != SHORT_CODE_LENGTH or any(letter not in ALPHABET for letter in code):
        return None
    return code if _check(code[:-1]) == code[-1] else None


def _check(body: str) -> str:
    """Sum of value times place, modulo a prime: finds every single wrong character and every two neighbours swapped."""
    total = sum(place * ALPHABET.index(letter) for place, letter in enumerate(body, 1))
    inverse = pow(SHORT_CODE_LENGTH, -1, len(ALPHABET))
    return ALPHABET[-total * inverse % len(ALPHABET)]
