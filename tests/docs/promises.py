#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every test that SECURITY.md names beside a promise exists.

    promises.py SRCDIR

The second column of its table has `FILE`: NAME, NAME; `FILE` ..., where FILE
is below tests/ without the extension of a C test, and NAME a C test or the
beginning of the name of a shell test.
"""
import os
import re
import sys


def find(tests, name):
    for ext in ('', '.c', '.sh'):
        path = os.path.join(tests, name + ext)
        if os.path.isfile(path):
            with open(path, encoding='utf-8') as file:
                return file.read()
    return None


def has_test(text, name):
    return re.search(r'^TEST\w*\(' + re.escape(name) + r'\)', text, re.M) or \
        re.search(r'^@test "' + re.escape(name), text, re.M)


def main():
    tests = os.path.join(sys.argv[1], 'tests')
    with open(os.path.join(sys.argv[1], 'SECURITY.md'), encoding='utf-8') as file:
        rows = re.findall(r'^\| (.+) \| (.+) \|$', file.read(), re.M)[1:]
    missing = []
    for promise, guards in rows:
        for guard in re.split(r'[;,] (?=`)', guards):
            found = re.fullmatch(r'`([^`]+)`(?:: (.+))?', guard)
            text = found and find(tests, found.group(1))
            if not text:
                missing.append(f'{promise}: no {guard}')
                continue
            for name in (found.group(2) or '').split(', '):
                if name and not has_test(text, name):
                    missing.append(f'{promise}: no test "{name}" in {found.group(1)}')
    if not rows or missing:
        raise SystemExit('\n'.join(missing) or 'no promises found')


main()
