# SPDX-License-Identifier: LGPL-2.1-or-later
"""agree.py OCI FEATURES EXAMPLE...: the examples against the reader of config.json.

Each value of the examples is replaced by ones of other types; the reader has to refuse
each with the path of the value, or of what it is in, and its line.  Prints TAP's body
lines for what is wrong; the exit status says if anything is.
"""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

OCI, FEATURES, EXAMPLES = sys.argv[1], sys.argv[2], sys.argv[3:]
MARK = "a value that stands nowhere else"
# objects of any keys
OPEN = {"annotations", "linux.netDevices", "linux.sysctl", "linux.resources.unified", "linux.resources.rdma"}
wrong = 0


def complain(text):
    global wrong
    wrong += 1
    print("#", text)


def explain(config):
    with tempfile.TemporaryDirectory() as bundle:
        with open(bundle + "/config.json", "w") as file:
            file.write(json.dumps(config, indent=1))
        done = subprocess.run([OCI, "explain", "--features", os.path.abspath(FEATURES)],
                              cwd=bundle, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def values(node, path=""):
    """Every value with its path, as errors have it."""
    if path:
        yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            if path in OPEN:
                yield from values(value, f'{path}."{key}"')
            # which has a reader of its own
            elif path != "linux.seccomp":
                yield from values(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from values(value, f"{path}[{i}]")


def steps(path):
    for name, quoted, index in re.findall(r'([A-Za-z][A-Za-z0-9]*)|"([^"]*)"|\[(\d+)\]', path):
        yield int(index) if index else name or quoted


def replaced(config, path, value):
    config = copy.deepcopy(config)
    node, *rest = config, *steps(path)
    for step in rest[:-1]:
        node = node[step]
    node[rest[-1]] = value
    return config


def others(value):
    """Values of other types than @value."""
    if isinstance(value, bool):
        return ["true", 1, [True], {"x": True}]
    if isinstance(value, int):
        return ["1", True, 1.5, [1], {"x": 1}]
    if isinstance(value, str):
        return [1, True, ["x"], {"x": "x"}]
    if isinstance(value, list):
        return ["x", 1, {"x": 1}]
    return ["x", 1, ["x"]]


def check(config, path, value):
    marked = json.dumps(replaced(config, path, MARK), indent=1).splitlines()
    line = 1 + next(i for i, text in enumerate(marked) if MARK in text)
    for other in others(value):
        status, error = explain(replaced(config, path, other))
        found = re.match(r"ringfence-oci: \S*/config.json:(\d+):\d+: ([^:]*): ", error)
        if status == 0:
            complain(f"{path} = {json.dumps(other)} is taken")
        elif not found or not path.startswith(found[2].rstrip('"')):
            complain(f"{path} = {json.dumps(other)} is refused with: {error}")
        # what an object or a list has in it may be the first that is wrong
        elif found[2] == path and not isinstance(other, (list, dict)) and int(found[1]) != line:
            complain(f"{path} = {json.dumps(other)}: line {line}, and not as in: {error}")


for name in EXAMPLES:
    with open(name) as file:
        example = json.load(file)
    status, error = explain(example)
    if status:
        complain(f"{name}: {error}")
        continue
    for path, value in values(example):
        check(example, path, value)
sys.exit(wrong > 0)
