"""Run a server in a network namespace of its own, so that nobody but this machine's loopback can reach it.

    unshare --net python namespace_relay.py PORT DOOR WAY_OUT SPARE,... COMMAND ...

Debian's Orthanc listens on every address of a machine, whatever its settings. Here there is no other machine to listen
to. ``DOOR`` is a socket (file descriptor) bound outside: connections to it reach the server's ``PORT`` as soon as the
server answers there. What the server connects to at port ``WAY_OUT`` reaches the outside, each time through one of the
``SPARE`` sockets, which were made there.
"""

import asyncio
import fcntl
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from functools import partial

SET_FLAGS, UP_AND_RUNNING = 0x8914, 0x1 | 0x40
LOOPBACK = "127.0.0.1"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Awaitable[Streams]]


async def main(port: int, door: int, way_out: int, spares: list[int], command: list[str]) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    server = await asyncio.create_subprocess_exec(*command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.terminate)
    if spares:
        await asyncio.start_server(partial(relay, partial(leave, way_out, spares)), LOOPBACK, way_out)
    opened = asyncio.create_task(open_door(port, socket.socket(fileno=door)))
    code = await server.wait()
    opened.cancel()
    return code


async def open_door(port: int, door: socket.socket) -> None:
    while True:
        try:
            _, probe = await asyncio.open_connection(LOOPBACK, port)
            break
        except OSError:
            await asyncio.sleep(0.05)
    probe.close()
    await asyncio.start_server(partial(relay, partial(asyncio.open_connection, LOOPBACK, port)), sock=door)


async def leave(port: int, spares: list[int]) -> Streams:
    outside = socket.socket(fileno=spares.pop())
    outside.setblocking(False)
    await asyncio.get_running_loop().sock_connect(outside, (LOOPBACK, port))
    return await asyncio.open_connection(sock=outside)


async def relay(reach: Reach, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        far_reader, far_writer = await reach()
    except OSError:
        writer.close()
        return
    await asyncio.gather(pour(reader, far_writer), pour(far_reader, writer))


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(2**16):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


if __name__ == "__main__":
    port, door, way_out, spares, *command = sys.argv[1:]
    spare = [int(one) for one in spares.split(",") if one]
    sys.exit(asyncio.run(main(int(port), int(door), int(way_out), spare, command)))
