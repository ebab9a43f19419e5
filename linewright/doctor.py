"""`linewright doctor`: look at this box from every side; each finding says what is wrong and the way out."""

from collections.abc import Iterator
from pathlib import Path

from linewright.examination import box, cloud, gateway, page
from linewright.examination.finding import Finding, Section, examine, in_thread
from linewright.layout import Layout

_BOX = "this box"


async def diagnose(data: Path, config: Path | None, *, as_json: bool = False) -> bool:
    """Print all findings as they come; True when nothing must be done.

    With `config` it is about that gateway, and about a server's part only where there is one.
    """
    found: dict[str, list[Finding]] = {}
    for section in await in_thread(lambda: list(sections(Layout(data), config))):
        if not as_json:
            print(section.title, flush=True)
        listed = found.setdefault(section.title, [])
        async for finding in examine(section.checks):
            listed.append(finding)
            if not as_json:
                print("\n".join(page.lines(finding, page.width())), flush=True)
    everything = [finding for listed in found.values() for finding in listed]
    print(page.as_json(found) if as_json else f"\n{page.summary(everything)}")
    return all(finding.state != "fail" for finding in everything)


def sections(layout: Layout, config: Path | None) -> Iterator[Section]:
    """What there is to look at."""
    server = config is None or cloud.is_here(layout)
    yield Section(_BOX, [*box.checks(layout.root if server else None), *(cloud.checks(layout) if server else ())])
    configs = [config] if config else sorted(layout.gateways.glob("*.toml"))
    for path in configs:
        yield gateway.section(path)
