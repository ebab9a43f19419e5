"""The built phone app, read once at start: path → bytes, so that no request can name any other file."""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

_HASHED = re.compile(r"^assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_WORTH_GZIP = re.compile(r"^(text/|application/(javascript|json|manifest\+json|wasm)|image/svg)")
_TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class Page:
    """One file, plain and compressed."""

    content: bytes
    compressed: bytes | None
    content_type: str
    etag: str
    cache_control: str


Pages = dict[str, Page]


def find_root(configured: Path | None) -> Path | None:
    """The configured folder, the one inside the installed package, or the build folder of a checkout."""
    here = Path(__file__).parent
    candidates = [configured] if configured else [here / "static", here.parent / "web" / "dist"]
    return next((root for root in candidates if (root / "index.html").is_file()), None)


def read_pages(root: Path | None) -> Pages:
    """Every file below `root` (about 2 MB), by its path relative to it."""
    if root is None:
        return {}
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): _page(path, str(path.relative_to(root))) for path in files}


def _page(path: Path, name: str) -> Page:
    content = path.read_bytes()
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    smaller = gzip.compress(content, 9, mtime=0) if _WORTH_GZIP.match(guessed) and len(content) > 1024 else None
    return Page(
        content=content,
        compressed=smaller,
        content_type=f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed,
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        cache_control=_FOR_EVER if _HASHED.match(name) else _ASK_AGAIN,
    )
