#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# agree.py [--lies] VERDICT CONFESSION HOST: the receipt of a verdict against what the
# command has seen of itself, and what the caller is like (receipt.bats has the
# scripts for both).  Says loudly where they disagree.  With --lies first, also
# whether it would notice receipts that are wrong.
import copy
import json
import sys

CAPS = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module
sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time
sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()
NAMESPACES = {"user": "user", "mount": "mnt", "pid": "pid", "net": "net", "ipc": "ipc",
              "uts": "uts", "cgroup": "cgroup", "time": "time"}
LIMITS = {"nofile": "Max open files", "core": "Max core file size", "fsize": "Max file size",
          "nproc": "Max processes", "stack": "Max stack size", "as": "Max address space"}
LIES = {"how": "host", "uid_map": "0 5 1", "gid_map": "0 5 1", "nofile": "63 (rlimit)",
        "core": "1 (rlimit)", "permitted": "chown", "effective": "chown", "inheritable": "chown",
        "ambient": "chown", "bounding": "chown"}
# What nothing is that a sandbox shows; the directories of a test may be a tmpfs.
ANOTHER = "ramfs"
wrong = []


def expect(layer, what, receipt, seen):
    if receipt != seen:
        wrong.append(f"{layer}: {what}: the receipt says {receipt!r}, the command sees {seen!r}")


def sections(name):
    parts, current = {}, None
    with open(name, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("== "):
                current = parts.setdefault(line[3:], [])
            elif current is not None:
                current.append(line)
    return parts


def capability_bits(text):
    if text in ("none", "all"):
        return 0 if text == "none" else (1 << len(CAPS)) - 1
    return sum(1 << (int(n) if n.isdigit() else CAPS.index(n)) for n in text.split(","))


def check_namespaces(layers, seen, host):
    for name, proc in NAMESPACES.items():
        layer, mine = layers[name], seen[proc]
        how = layer["detail"]["how"]
        expect(name, "host's", not layer["in_force"], mine == host[proc])
        expect(name, "how", layer["in_force"], how != "host")


def check_maps(layers, parts):
    detail = layers["user"]["detail"]
    for name in ("uid_map", "gid_map"):
        if name in detail:
            expect("user", name, detail[name], ",".join(" ".join(l.split()) for l in parts[name]))


def check_capabilities(layers, status):
    detail = layers["capabilities"]["detail"]
    fields = {"permitted": "CapPrm", "effective": "CapEff", "inheritable": "CapInh",
              "ambient": "CapAmb", "bounding": "CapBnd"}
    for name, field in fields.items():
        if name in detail and detail[name] != "the caller's":
            expect("capabilities", name, capability_bits(detail[name]), int(status[field], 16))
    if "permitted_at_most" in detail:
        most = capability_bits(detail["permitted_at_most"])
        expect("capabilities", "more than permitted", 0, int(status["CapPrm"], 16) & ~most)


def check_groups(layers, status, gid):
    layer = layers["groups"]
    groups = status["Groups"].split()
    said = layer["detail"]["groups"]
    others = [g for g in groups if g != gid]
    if said == "none":
        expect("groups", "groups", [], others)
    elif said == "kept":
        expect("groups", "in force", False, layer["in_force"])
    else:
        expect("groups", "groups", sorted(said.split(",")), sorted(groups))


def is_readonly(mount):
    return "ro" in mount["options"].split(",")


def check_root(layers, mountinfo, host_root):
    mounts = {}
    for line in mountinfo:
        left, right = line.split(" - ", 1)
        fields = left.split()
        mounts[fields[4]] = {"options": fields[5], "type": right.split()[0],
                             "device": fields[2], "root": fields[3], "id": fields[0]}
    layer = layers["root"]
    for at, said in layer["detail"].items():
        if not at.startswith("/") or not layer["in_force"]:
            continue
        if at not in mounts:
            wrong.append(f"root: the receipt has a mount at {at}, the command none")
            continue
        words = said.split()
        expect("root", at + " read-only", "ro" in words[1:], is_readonly(mounts[at]))
        if words[0] not in ("bind", "prepared"):
            expect("root", at + " type", words[0], mounts[at]["type"])
    # a new root is another mount than the host's, whatever it shows
    if layers["mount"]["detail"]["how"] != "joined":
        expect("root", "in force", layer["in_force"], mounts.get("/", {}).get("id") != host_root)


def check_limits(layers, limits):
    for name, said in layers["limits"]["detail"].items():
        if name not in LIMITS or "(rlimit)" not in said:
            continue
        line = [l for l in limits if l.startswith(LIMITS[name])][0]
        soft, hard = line[26:].split()[:2]
        values = said.split()[0].split(":")
        expect("limits", name, [values[0], values[-1]], [soft, hard])


def check(receipt, parts, host):
    wrong.clear()
    layers = {entry["layer"]: entry for entry in receipt}
    status = dict(line.split(":", 1) for line in parts["status"])
    status = {key: value.strip() for key, value in status.items()}

    for name, entry in layers.items():
        expect(name, "a reason", not entry["in_force"], bool(entry["why_not"]))
    check_namespaces(layers, dict(line.split(":", 1) for line in parts["ns"]), host)
    check_maps(layers, parts)
    check_capabilities(layers, status)
    if host["NoNewPrivs"] == "0":
        expect("no_new_privileges", "in force", layers["no_new_privileges"]["in_force"],
               status["NoNewPrivs"] == "1")
    check_groups(layers, status, status["Gid"].split()[1])
    check_root(layers, parts["mountinfo"], host["root"])
    expect("seccomp", "in force", layers["seccomp"]["in_force"],
           int(status["Seccomp_filters"]) > int(host["Seccomp_filters"]))
    check_limits(layers, parts["limits"])
    if layers["terminal"]["in_force"]:
        expect("terminal", "controlling terminal", "0",
               parts["stat"][0].rsplit(")", 1)[1].split()[4])
    return list(wrong)


def lies(receipt):
    """Receipts with one lie each, and the layer that it is about."""
    checked = list(NAMESPACES) + ["root", "no_new_privileges", "seccomp"]
    for i, entry in enumerate(receipt):
        if entry["layer"] in checked:
            lie = copy.deepcopy(receipt)
            lie[i]["in_force"] = not entry["in_force"]
            # a smooth one
            lie[i]["why_not"] = None if lie[i]["in_force"] else "so it is"
            yield entry["layer"], lie
        for name in entry["detail"] if entry["in_force"] else ():
            if entry["layer"] in ("root", "limits", "capabilities", "user"):
                lie = copy.deepcopy(receipt)
                lie[i]["detail"][name] = LIES.get(
                    name, "bind ro" if entry["detail"][name] == "tmpfs" else ANOTHER)
                yield entry["layer"], lie


def main():
    names = sys.argv[-3:]
    with open(names[0], encoding="utf-8") as f:
        receipt = json.load(f)["receipt"]
    parts = sections(names[1])
    with open(names[2], encoding="utf-8") as f:
        host = dict(line.strip().split(":", 1) for line in f)
    failed = False
    if sys.argv[1] == "--lies":
        for layer, lie in lies(receipt):
            if not any(line.startswith(layer + ":") for line in check(lie, parts, host)):
                print("NOT NOTICED", layer, [e for e in lie if e["layer"] == layer],
                      file=sys.stderr)
                failed = True
    for line in check(receipt, parts, host):
        print("DISAGREE", line, file=sys.stderr)
        failed = True
    return 1 if failed else 0


sys.exit(main())
