import pytest

from api import Invalid
from api.uploads import BYTES_MOST, photo, voice

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20)
WEBM = b"\x1aE\xdf\xa3" + bytes(20)
OGG = b"OggS" + bytes(20)
M4A = b"\0\0\0\x20ftypM4A " + bytes(20)
MP4 = b"\0\0\0\x20ftypisom" + bytes(20)
AAC = b"\xff\xf1\x50\x80" + bytes(20)


@pytest.mark.parametrize(("content", "told"), [(JPEG, "image/jpeg"), (PNG, "image/png"), (WEBP, "image/webp")])
def test_photos_are_told_by_their_first_bytes(content, told):
    assert photo(content).content_type == told


@pytest.mark.parametrize(
    ("content", "told"),
    [(WEBM, "audio/webm"), (OGG, "audio/ogg"), (M4A, "audio/mp4"), (MP4, "audio/mp4"), (AAC, "audio/aac")],
)
def test_recordings_are_told_by_their_first_bytes(content, told):
    assert voice(content).content_type == told


@pytest.mark.parametrize(
    "content",
    [b"", b"<html><script>", b"<svg xmlns='x'/>", b"GIF89a", b"MZ", b"RIFF\0\0\0\0WAVE", b"\xff\xfb\x90"],
)
def test_anything_else_is_refused_as_both(content):
    with pytest.raises(Invalid):
        photo(content)
    with pytest.raises(Invalid):
        voice(content)


def test_a_voice_is_no_photo_and_size_is_checked():
    with pytest.raises(Invalid):
        photo(OGG)
    assert photo(JPEG + bytes(BYTES_MOST - len(JPEG))).kind == "photo"
    with pytest.raises(Invalid, match="4 MiB"):
        photo(JPEG + bytes(BYTES_MOST - len(JPEG) + 1))
