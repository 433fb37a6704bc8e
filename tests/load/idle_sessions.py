#!/usr/bin/env python3
"""Idle MQTT sessions: how many the embedded broker holds, and what each costs.

    tests/load/idle_sessions.py PID [SESSIONS] [HOST:PORT]

Connects SESSIONS clients (15000) of the server with the process id PID, from several loopback addresses
because one has too few ports, each with a subscription of its own, and prints the growth of the server's memory for each.
Both need `ulimit -n` above SESSIONS.
"""

import asyncio
import struct
import sys

PER_ADDRESS = 5000
AT_ONCE = 200


def text(value):
    return struct.pack("!H", len(value)) + value.encode()


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def client(number, place, gate):
    host, port = place
    source = f"127.0.1.{1 + number // PER_ADDRESS}"
    async with gate:
        reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0))
        writer.write(packet(0x10, text("MQTT") + b"\x04\x02\0\0" + text(f"idle-{number}")))
        writer.write(packet(0x82, b"\0\x01" + text(f"idle/{number}/#") + b"\x01"))
        answer = await reader.readexactly(4 + 5)
        assert answer == b"\x20\x02\0\0\x90\x03\0\x01\x01", answer
    return reader, writer


async def main():
    pid = int(sys.argv[1])
    sessions = int(sys.argv[2]) if len(sys.argv) > 2 else 15000
    host, port = (sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:1883").rsplit(":", 1)
    before, gate = resident(pid), asyncio.Semaphore(AT_ONCE)
    held = await asyncio.gather(*(client(n, (host, int(port)), gate) for n in range(sessions)))
    after = resident(pid)
    each = (after - before) // len(held)
    print(f"{len(held)} idle sessions: {before >> 20} MiB before, {after >> 20} MiB after, {each} bytes each")


asyncio.run(main())
