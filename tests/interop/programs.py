"""Runs a program of others."""

import asyncio


async def run(*arguments: object) -> tuple[str, str, int]:
    """What it says, what it complains about, its status."""
    process = await asyncio.create_subprocess_exec(
        *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return out.decode(), err.decode().strip(), process.returncode or 0
