# SPDX-License-Identifier: LGPL-2.1-or-later
# image.py FILE NAME:TAG [COMMAND...]    writes an image that has busybox and nothing else,
# as an OCI layout in an archive that Docker's older `load` reads as well.
import hashlib, io, json, platform, subprocess, sys, tarfile

BUSYBOX = '/bin/busybox'
DIRS = ('bin', 'dev', 'etc', 'proc', 'sys', 'var')
FILES = {
    'etc/group': b'root:x:0:\nuser:x:1000:\n',
    'etc/passwd': b'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n',
}
MACHINES = {'x86_64': 'amd64', 'aarch64': 'arm64'}


def entry(path, data=b'', mode=0o644, kind=tarfile.REGTYPE, link=''):
    e = tarfile.TarInfo(path)
    e.size, e.mode, e.type, e.linkname = len(data), mode, kind, link
    return e, data


def archive(entries):
    f = io.BytesIO()
    with tarfile.open(fileobj=f, mode='w') as t:
        for e, data in entries:
            t.addfile(e, io.BytesIO(data))
    return f.getvalue()


def layer():
    names = subprocess.check_output([BUSYBOX, '--list'], text=True).split()
    entries = [entry(d, mode=0o755, kind=tarfile.DIRTYPE) for d in DIRS]
    entries.append(entry('tmp', mode=0o1777, kind=tarfile.DIRTYPE))
    entries.append(entry('bin/busybox', open(BUSYBOX, 'rb').read(), 0o755))
    entries += [entry('bin/' + n, kind=tarfile.SYMTYPE, link='busybox')
                for n in names if n != 'busybox']
    return archive(entries + [entry(path, data) for path, data in FILES.items()])


class Layout:
    def __init__(self):
        self.files = {}

    def add(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        self.files['blobs/sha256/' + digest] = data
        return {'mediaType': 'application/vnd.oci.image.' + kind,
                'digest': 'sha256:' + digest, 'size': len(data)}

    def add_json(self, value, kind):
        return self.add(json.dumps(value).encode(), kind)


def path(blob):
    return 'blobs/' + blob['digest'].replace(':', '/')


def main(file, name, *command):
    layout = Layout()
    top = layout.add(layer(), 'layer.v1.tar')
    config = layout.add_json({
        'architecture': MACHINES[platform.machine()], 'os': 'linux',
        'config': {'Env': ['PATH=/bin'], 'Cmd': command or ['sh'], 'WorkingDir': '/'},
        'rootfs': {'type': 'layers', 'diff_ids': [top['digest']]},
        'history': [{'created_by': 'image.py'}],
    }, 'config.v1+json')
    manifest = layout.add_json({
        'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'config': config, 'layers': [top],
    }, 'manifest.v1+json')
    manifest['annotations'] = {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': name,
    }
    files = {
        'oci-layout': {'imageLayoutVersion': '1.0.0'},
        'index.json': {'schemaVersion': 2, 'manifests': [manifest]},
        'manifest.json': [{'Config': path(config), 'RepoTags': [name], 'Layers': [path(top)]}],
    }
    entries = [entry(p, json.dumps(value).encode()) for p, value in files.items()]
    entries += [entry(p, data) for p, data in layout.files.items()]
    with open(file, 'wb') as f:
        f.write(archive(entries))


main(*sys.argv[1:])
