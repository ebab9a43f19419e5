"""What a phone uploads: told by its first bytes, never by what it calls itself.

    bytes ──► kind_of ──► ("photo" | "voice", content type)   or Invalid

Served back with this content type, `nosniff` and `Content-Disposition`, so that a browser never runs it.
"""

from dataclasses import dataclass

from api import Invalid

BYTES_MOST = 4 << 20
_MP4_VIDEO_OR_AUDIO = (b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso5", b"iso6", b"qt  ", b"dash", b"3gp")


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked photo or recording."""

    kind: str
    content_type: str
    content: bytes


def photo(content: bytes) -> Upload:
    """Raises Invalid: empty, too large, or none of JPEG, PNG, WebP."""
    return Upload("photo", _checked(content, "photo", _photo_type(content), "JPEG, PNG or WebP"), content)


def voice(content: bytes) -> Upload:
    """Raises Invalid: empty, too large, or none of WebM, Ogg, MP4/M4A, AAC."""
    return Upload("voice", _checked(content, "voice", _voice_type(content), "WebM, Ogg, MP4, M4A or AAC"), content)


def _checked(content: bytes, field: str, content_type: str | None, wanted: str) -> str:
    if len(content) > BYTES_MOST:
        raise Invalid({f"body.{field}": f"is larger than {BYTES_MOST >> 20} MiB"})
    if content_type is None:
        raise Invalid({f"body.{field}": f"is no {wanted} file"})
    return content_type


def _photo_type(content: bytes) -> str | None:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def _voice_type(content: bytes) -> str | None:
    if content.startswith(b"\x1aE\xdf\xa3"):
        return "audio/webm"
    if content.startswith(b"OggS"):
        return "audio/ogg"
    if content[4:8] == b"ftyp" and content[8:12].startswith(_MP4_VIDEO_OR_AUDIO):
        return "audio/mp4"
    # ADTS frame: 12 set bits, then MPEG version, layer always 00.
    if len(content) > 7 and content[0] == 0xFF and content[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return None


SUFFIX = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "audio/webm": "webm",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
}
