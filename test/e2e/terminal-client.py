"""Runs a command at a pseudo-terminal of its own: words of JSON a line come in on stdin, what the terminal shows goes out on stdout."""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])


def obey(line):
    word = json.loads(line)
    if "type" in word:
        os.write(terminal, word["type"].encode())
    if "size" in word:
        rows, columns = word["size"]
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def show():
    """False once nobody has the terminal open any more: reading then fails with EIO, pty(7)."""
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        return False
    os.write(1, shown)
    return shown != b""


listening = [0, terminal]
pending = b""
while True:
    ready, _, _ = select.select(listening, [], [])
    if terminal in ready and not show():
        break
    if 0 in ready:
        words = os.read(0, 65536)
        if words == b"":
            listening.remove(0)
        *lines, pending = (pending + words).split(b"\n")
        for line in lines:
            obey(line)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
