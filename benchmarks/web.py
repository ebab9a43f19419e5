"""How much a phone must fetch before a page is there: gzip bytes of the files that the built app names for it.

label_page_kb  the page behind a scanned label (no login), everything but the service worker's own fetching
shell_kb       the app as staff open it: frame, menu and the list of orders

index.html names what is fetched at once, web/dist/.vite/manifest.json which file needs which.
"""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import figure

DIST = Path(__file__).parent.parent / "web" / "dist"
TEXTS = "src/i18n/zh/index.ts"
NAMED = re.compile(r'(?:href|src)="/(assets/[^"]+)"')
PAGES = {
    "label_page_kb": ("src/report/ReportPage.vue",),
    "shell_kb": ("src/shell/MainMenu.vue", "src/orders/OrdersPage.vue"),
}
LABEL_PAGE_KB_MOST = 150


def main() -> None:
    manifest_file = DIST / ".vite" / "manifest.json"
    if not manifest_file.exists():
        sys.exit("the phone app is not built: run `make web` first")
    manifest = json.loads(manifest_file.read_text())
    first = {"index.html", "icon.svg", *NAMED.findall((DIST / "index.html").read_text())}
    for name, entries in PAGES.items():
        files = first.union(*(files_of(manifest, entry) for entry in (TEXTS, *entries)))
        kilobytes = sum(compressed(DIST / file) for file in files) / 1024
        limited = name == "label_page_kb"
        figure(
            "web", name, kilobytes, "KiB",
            peer=f"budget {LABEL_PAGE_KB_MOST} KiB" if limited else None,
            ratio=kilobytes / LABEL_PAGE_KB_MOST if limited else None,
        )  # fmt: skip


def files_of(manifest: dict[str, Any], entry: str) -> set[str]:
    """The files of an entry and of everything it imports before it can run."""
    found: set[str] = set()
    waiting, seen = [entry], {entry}
    while waiting:
        chunk = manifest[waiting.pop()]
        found |= {chunk["file"], *chunk.get("css", [])}
        new = set(chunk.get("imports", [])) - seen
        seen |= new
        waiting += new
    return found


def compressed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
