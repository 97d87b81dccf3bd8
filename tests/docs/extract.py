#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Take the examples out of a document.

    extract.py FILE DIRECTORY

writes each example of a Markdown or mdoc file into DIRECTORY as LINE.KIND,
where KIND is `console` (lines after "$ " are typed, the others are what is
printed), `yaml`, `policy`, `c`, or `text` (an error, a format: nothing to run).  Prints
their names.
"""
import os
import re
import sys

YAML_KEYS = re.compile(r'(- \{|- [a-z_]+:|[a-z_]+:( |$)|\{)')

POLICY = re.compile(r'(default|unknown|foreign|architectures|flags|include|allow|deny|kill|log|notify) [^:]')


def kind_of(lines):
    """What an mdoc display is, which does not say so itself."""
    body = [line for line in lines if line.strip() and not line.lstrip().startswith('#')]
    if not body:
        return 'text'
    if body[0].startswith('$ '):
        return 'console'
    if POLICY.match(body[0]):
        return 'policy'
    if any('rf_' in line and line.rstrip().endswith((';', ',', '{')) for line in body):
        return 'c'
    if YAML_KEYS.match(body[0]) and not body[0].startswith('ringfence: '):
        return 'yaml'
    if re.match(r'ringfence: \d+( |$)', body[0]):
        return 'yaml'
    return 'text'


def unescape(line):
    """Undo roff's escapes in a literal display."""
    for roff, plain in ((r'\e', '\\'), (r'\-', '-'), (r'\&', ''), (r'\(aq', "'"),
                        (r'\(dq', '"'), (r'\(ti', '~'), (r'\(ha', '^'), (r'\~', ' ')):
        line = line.replace(roff, plain)
    return line


def mdoc(lines):
    block = start = None
    for number, line in enumerate(lines, 1):
        if re.match(r'\.Bd .*-(literal|unfilled)', line):
            block, start = [], number + 1
        elif line.startswith('.Ed') and block is not None:
            yield start, kind_of(block), block
            block = None
        elif block is not None:
            if line.startswith('.'):
                raise SystemExit(f'{number}: a macro in a literal display')
            block.append(unescape(line))


def markdown(lines):
    block = start = kind = None
    for number, line in enumerate(lines, 1):
        fence = re.match(r'\s*```(\w*)\s*$', line)
        if fence and block is None:
            block, start, kind = [], number + 1, fence.group(1) or 'text'
        elif fence:
            yield start, kind, block
            block = None
        elif block is not None:
            block.append(line)


def main():
    name, directory = sys.argv[1:]
    with open(name, encoding='utf-8') as file:
        lines = file.read().splitlines()
    for start, kind, block in (markdown if name.endswith('.md') else mdoc)(lines):
        if kind == 'sh':
            raise SystemExit(f'{name}:{start}: write it as `console`, with what it prints')
        path = os.path.join(directory, f'{start}.{kind}')
        with open(path, 'w', encoding='utf-8') as out:
            out.write('\n'.join(block) + '\n')
        print(f'{start}.{kind}')


main()
