#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# agent.py SOCKET STATES NAME=ANSWER...: answers for filters whose listeners it gets at
# SOCKET.  Each container process state becomes a line of STATES.  ANSWER is a negative errno,
# a result, or "continue", which is also what other calls get.
import array, fcntl, json, os, socket, struct, sys, threading

NUMBERS = {
    'x86_64': {'mkdir': 83, 'uname': 63, 'execve': 59, 'setresuid': 117, 'capset': 126},
    'aarch64': {'mkdirat': 34, 'uname': 160, 'execve': 221, 'setresuid': 147, 'capset': 91},
}[os.uname().machine]
RECV, SEND = 0xc0502100, 0xc0182101
CONTINUE = 1


def answer(listener, answers):
    while True:
        request = bytearray(80)
        try:
            fcntl.ioctl(listener, RECV, request)
        except InterruptedError:
            continue
        except OSError:     # the last task of the filter is gone, or was killed meanwhile
            if not alive(listener):
                return
            continue
        ident, = struct.unpack_from('Q', request, 0)
        number, = struct.unpack_from('i', request, 16)
        value = answers.get(number, 'continue')
        if value == 'continue':
            response = struct.pack('QqiI', ident, 0, 0, CONTINUE)
        else:
            value = int(value)
            response = struct.pack('QqiI', ident, max(value, 0), min(value, 0), 0)
        try:
            fcntl.ioctl(listener, SEND, bytearray(response))
        except OSError:
            pass


def alive(listener):
    import select
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return not any(event & select.POLLHUP for _, event in poll.poll(0))


def receive(conn):
    fds, text = array.array('i'), b''
    while True:
        data, control, _, _ = conn.recvmsg(65536, socket.CMSG_LEN(8 * fds.itemsize))
        for level, kind, payload in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        if not data:
            return text, list(fds)
        text += data


path, states, *words = sys.argv[1:]
answers = {NUMBERS[name]: value for name, value in (w.split('=') for w in words) if name in NUMBERS}
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(path)
server.listen(8)
while True:
    conn, _ = server.accept()
    text, fds = receive(conn)
    conn.close()
    state = json.loads(text)
    assert len(fds) == len(state['fds']), (fds, state)
    with open(states, 'a') as f:
        f.write(json.dumps(state) + '\n')
    threading.Thread(target=answer, args=(fds[0], answers), daemon=True).start()
