# SPDX-License-Identifier: LGPL-2.1-or-later
# cri.py SOCKET METHOD [JSON]    one call of the Container Runtime Interface, version 1, as
# a kubelet makes it.  The messages are encoded here, by the numbers of the fields that
# the tests use: no generated code.
import json, sys
import grpc

# name: number, or (number, fields) of a message; names that differ in number by message
# are in a table of their own.
NAMESPACES = {'network': 1, 'pid': 2, 'ipc': 3}
RESOURCES = {'cpu_period': 1, 'cpu_quota': 2, 'cpu_shares': 3, 'memory': 4, 'oom_score_adj': 5}
SANDBOX = {
    'metadata': (1, {'name': 1, 'uid': 2, 'namespace': 3}),
    'linux': (8, {'security_context': (2, {'namespace_options': (1, NAMESPACES)})}),
}
CONTAINER = {
    'metadata': (1, {'name': 1}),
    'image': (2, {'image': 1}),
    'command': 3,
    'linux': (15, {
        'resources': (1, RESOURCES),
        'security_context': (2, {'namespace_options': (3, NAMESPACES),
                                 'run_as_user': (5, {'value': 1}), 'readonly_rootfs': 7}),
    }),
}
ID = {'id': 1}
METHODS = {
    'RunPodSandbox': ({'config': (1, SANDBOX), 'runtime_handler': 2}, ID),
    'StopPodSandbox': (ID, {}),
    'RemovePodSandbox': (ID, {}),
    'CreateContainer': ({'id': 1, 'config': (2, CONTAINER), 'sandbox': (3, SANDBOX)}, ID),
    'StartContainer': (ID, {}),
    'ExecSync': ({'id': 1, 'cmd': 2, 'timeout': 3}, {'stdout': 1, 'stderr': 2, 'exit_code': 3}),
    'UpdateContainerResources': ({'id': 1, 'linux': (2, RESOURCES)}, {}),
    'ContainerStatus': (ID, {'status': (1, {'state': 3, 'exit_code': 7, 'reason': 10})}),
    'StopContainer': ({'id': 1, 'timeout': 2}, {}),
    'RemoveContainer': (ID, {}),
    'Status': ({}, {}),
}


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytearray([n]))


def encode(fields, value):
    out = b''
    for name, v in value.items():
        number, inner = fields[name] if isinstance(fields[name], tuple) else (fields[name], None)
        for item in v if isinstance(v, list) else [v]:
            if isinstance(item, int):
                out += varint(number << 3) + varint(item & (1 << 64) - 1)
                continue
            data = encode(inner, item) if inner else item.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def decode(fields, data):
    names = {f[0] if isinstance(f, tuple) else f: (name, f) for name, f in fields.items()}
    out, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while at < len(data):
        key = number()
        v = number()
        if key & 7 == 2:
            v, at = data[at:at + v], at + v
        name, field = names.get(key >> 3, (None, None))
        if name and key & 7 == 2:
            v = decode(field[1], v) if isinstance(field, tuple) else v.decode()
        if name:
            out[name] = v
    return out


def main(socket, method, text='{}'):
    request, response = METHODS[method]
    with grpc.insecure_channel('unix://' + socket) as channel:
        call = channel.unary_unary('/runtime.v1.RuntimeService/' + method,
                                   request_serializer=lambda v: encode(request, v),
                                   response_deserializer=lambda d: decode(response, d))
        try:
            print(json.dumps(call(json.loads(text), timeout=60)))
        except grpc.RpcError as e:
            sys.exit(e.details())


main(*sys.argv[1:])
