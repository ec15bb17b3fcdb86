"""A network that is far away: a TCP proxy on loopback that holds every byte for a while.

It delays and does not limit: any amount may be on the way at once. It ends when its
standard input closes, so it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

CHUNK = 256 * 1024


async def serve(port: int, round_trip: float) -> asyncio.Server:
    """Listen on a free loopback port and pass everything on to another one.

    Args:
        port: The loopback port to pass on to.
        round_trip: Seconds that a byte and its answer take more than without the proxy.
    """

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Far away, the handshake of TCP itself takes a round trip; ours was with loopback.
        await asyncio.sleep(round_trip)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _carry(reader, far_writer, round_trip / 2),
            _carry(far_reader, writer, round_trip / 2),
        )

    return await asyncio.start_server(connect, "127.0.0.1", 0)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on one direction of one connection, each chunk as long after it came."""
    clock = asyncio.get_running_loop().time
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take_in() -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await reader.read(CHUNK)
            except OSError:
                chunk = b""
            on_the_way.put_nowait((clock() + delay, chunk))

    taking = asyncio.create_task(take_in())
    try:
        while True:
            due, chunk = await on_the_way.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    except OSError:  # the other side is gone, and with it whoever waits for these bytes
        pass
    finally:
        taking.cancel()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()


async def _main(port: int, round_trip: float) -> None:
    loop = asyncio.get_running_loop()
    async with await serve(port, round_trip) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input closes; the first line of output is the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("round_trip", type=float, metavar="SECONDS")
    options = parser.parse_args()
    asyncio.run(_main(options.port, options.round_trip))


if __name__ == "__main__":
    main()
