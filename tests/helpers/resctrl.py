# SPDX-License-Identifier: LGPL-2.1-or-later
"""resctrl.py DIR [CLASSES]: what a kernel with RDT has at /sys/fs/resctrl, by FUSE.

Classes and groups are made by mkdir and filled by it; schemata are checked, and what is wrong
is in info/last_cmd_status; who writes 0 to tasks is in that class.  There are two domains of L3
cache and of memory bandwidth, and CLASSES of classes, the default one among them (4).
"""
import ctypes
import errno
import os
import re
import signal
import struct
import sys

DIR, CLASSES = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    def __init__(self, code, status=None):
        super().__init__(code)
        self.code = code
        if status:
            STATUS.data = status + "\n"


class Node:
    count = 0

    def __init__(self, parent=None, data=None, **more):
        Node.count += 1
        self.id, self.parent, self.data = Node.count, parent, data
        self.children = None if data is not None else {}
        self.group = None       # of tasks: the group that they are in
        self.__dict__.update(more)
        nodes[self.id] = self

    def add(self, name, data=None, **more):
        self.children[name] = Node(self, data, **more)
        return self.children[name]


class Group:
    """A class, or with .of a group of one."""
    def __init__(self, node, of=None):
        self.of, self.tasks, self.groups = of, set(), []
        self.values = {"L3": {0: "fff", 1: "fff"}, "MB": {0: "100", 1: "100"}}
        node.add("tasks", "", group=self)
        if not of:
            node.add("schemata", "", group=self)
            node.add("mon_groups", groups_of=self)
        for domain in range(2):
            data = node.children.get("mon_data") or node.add("mon_data")
            counters = data.add("mon_L3_%02d" % domain)
            for i, name in enumerate(("llc_occupancy", "mbm_total_bytes", "mbm_local_bytes")):
                counters.add(name, "%d\n" % (1000 * (domain + 1) + i + (7 if of else 0)))


nodes = {}
TOP = Node()
info = TOP.add("info")
STATUS = info.add("last_cmd_status", "ok\n")
for name, files in (("L3", {"cbm_mask": "fff", "min_cbm_bits": "1", "num_closids": str(CLASSES)}),
                    ("MB", {"bandwidth_gran": "10", "delay_linear": "1", "min_bandwidth": "10",
                            "num_closids": str(CLASSES)}),
                    ("L3_MON", {"mon_features": "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes"})):
    part = info.add(name)
    for file, text in files.items():
        part.add(file, text + "\n")
DEFAULT = Group(TOP)
groups = [DEFAULT]


def lives(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def text_of(node):
    group = node.group
    if not group:
        return node.data
    if node is node.parent.children.get("tasks"):
        return "".join("%d\n" % p for p in sorted(group.tasks) if lives(p))
    return "".join("%6s:%s\n" % (r, ";".join("%d=%s" % (d, v if r == "MB" else v.rjust(3, "0"))
                                              for d, v in sorted(values.items())))
                   for r, values in group.values.items())


def set_schemata(group, text):
    if not text.endswith("\n"):
        raise Refused(errno.EINVAL)
    for line in text.splitlines():
        name, colon, domains = line.strip().partition(":")
        if name not in group.values or not colon:
            raise Refused(errno.EINVAL, "Unknown or unsupported resource name '%s'" % name)
        for domain in domains.split(";"):
            found = re.fullmatch(r"(\d+)=([0-9a-fA-F]+)", domain)
            if not found or int(found[1]) not in group.values[name]:
                raise Refused(errno.EINVAL, "Missing '=' or non-numeric domain")
            value = found[2].lower().lstrip("0")
            if name == "L3" and not re.fullmatch("0*1+0*", bin(int(value or "0", 16) & 0xfff)[2:]):
                raise Refused(errno.EINVAL, "The mask %s has non-consecutive 1-bits" % found[2])
            if name == "MB" and not (value.isdigit() and 10 <= int(value) <= 100):
                raise Refused(errno.EINVAL, "MB value %s out of range [10,100]" % found[2])
            group.values[name][int(found[1])] = value


def join(group, pid):
    if group.of and pid not in group.of.tasks:
        raise Refused(errno.EINVAL, "Can't move task to different control group")
    if not group.of:
        for other in groups:
            other.tasks.discard(pid)
            for part in other.groups:
                part.tasks.discard(pid)
    group.tasks.add(pid)


def write(node, text, pid):
    STATUS.data = "ok\n"
    if not node.group:
        raise Refused(errno.EACCES)
    if node is node.parent.children.get("tasks"):
        join(node.group, int(text) or pid)
    else:
        set_schemata(node.group, text)


def mkdir(parent, name):
    STATUS.data = "ok\n"
    if parent is TOP:
        if len(groups) >= CLASSES:
            raise Refused(errno.ENOSPC, "Out of CLOSIDs")
        node = parent.add(name)
        node.is_group = Group(node)
        groups.append(node.is_group)
    elif hasattr(parent, "groups_of"):
        node = parent.add(name)
        node.is_group = Group(node, parent.groups_of)
        parent.groups_of.groups.append(node.is_group)
    else:
        raise Refused(errno.EPERM)
    return node


def rmdir(parent, name):
    node = parent.children[name]
    group = getattr(node, "is_group", None)
    if not group:
        raise Refused(errno.EPERM)
    (group.of.groups if group.of else groups).remove(group)
    DEFAULT.tasks |= set() if group.of else group.tasks
    del parent.children[name]


# ------------------------------------------------------------------------ the protocol

def attr(node):
    directory = node.children is not None
    size = 0 if directory else len(text_of(node))
    return struct.pack("<6Q10I", node.id, size, 0, 0, 0, 0, 0, 0, 0,
                       0o40755 if directory else 0o100644, 1, 0, 0, 0, 4096, 0)


def entry(node):
    return struct.pack("<4Q2I", node.id, 0, 0, 0, 0, 0) + attr(node)


def listing(node):
    out = b""
    for i, (name, child) in enumerate([(".", node), ("..", node)] + list(node.children.items())):
        name = name.encode()
        out += struct.pack("<2Q2I", child.id, i + 1, len(name), 4 if child.children is not None else 8)
        out += name + b"\0" * (-len(name) % 8)
    return out


def answer(op, node, pid, body):
    name = body.split(b"\0")[0].decode(errors="replace")
    if op == 26:
        return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, *[0] * 8)
    if op == 1:
        if name not in node.children:
            raise Refused(errno.ENOENT)
        return entry(node.children[name])
    if op in (3, 4):
        return struct.pack("<Q2I", 0, 0, 0) + attr(node)
    if op == 9:
        name = body[8:].split(b"\0")[0].decode()
        if name in node.children:
            raise Refused(errno.EEXIST)
        return entry(mkdir(node, name))
    if op == 11:
        rmdir(node, name)
        return b""
    if op in (14, 27):
        return struct.pack("<Q2I", 0, 1 if op == 14 else 0, 0)
    if op == 15:
        offset, size = struct.unpack_from("<QI", body, 8)
        return text_of(node).encode()[offset:offset + size]
    if op == 28:
        offset = struct.unpack_from("<Q", body, 8)[0]
        return b"" if offset else listing(node)
    if op == 16:
        size = struct.unpack_from("<I", body, 16)[0]
        write(node, body[40:40 + size].decode(), pid)
        return struct.pack("<2I", size, 0)
    if op == 17:
        return struct.pack("<5Q10I", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7)
    if op in (18, 25, 29):
        return b""
    raise Refused(errno.ENOSYS)


fuse = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fuse
if libc.mount(b"resctrl", DIR.encode(), b"fuse", 0, options.encode()):
    sys.exit("mount: " + os.strerror(ctypes.get_errno()))


def leave(*_):
    libc.umount2(DIR.encode(), 2)
    os._exit(0)


signal.signal(signal.SIGTERM, leave)
while True:
    try:
        request = os.read(fuse, 1 << 20)
    except OSError as error:
        if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
            continue
        break
    length, op, unique, nodeid, uid, gid, pid = struct.unpack_from("<2I2Q3I", request)
    if op in (2, 36, 42):
        continue
    code, out = 0, b""
    try:
        out = answer(op, nodes.get(nodeid), pid, request[40:length])
    except Refused as refused:
        code = refused.code
    try:
        os.write(fuse, struct.pack("<IiQ", 16 + len(out), -code, unique) + out)
    except OSError:
        pass
