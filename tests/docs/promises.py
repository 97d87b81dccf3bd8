#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every test that SECURITY.md and docs/security.md name beside a promise exists.

    promises.py SRCDIR

The last column of their tables, `guarded by`, has `FILE`: NAME, NAME; `FILE` ...,
where FILE is below tests/ without the extension of a C test, and NAME a C test or
the beginning of the name of a shell test.  Every shell test in tests/attacks/ is
named in docs/security.md by its file at least.
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


def guards_of(text):
    """Rows as (first column, tests), of the tables whose last column is `guarded by`."""
    is_ours = False
    for line in text.splitlines():
        row = re.fullmatch(r'\| (.+) \| (.+) \|', line)
        if not line.startswith('|'):
            is_ours = False
        elif row and row.group(2) == 'guarded by':
            is_ours = True
        elif row and is_ours:
            yield row.group(1), row.group(2)


def missing_from(tests, text):
    rows = 0
    for promise, guards in guards_of(text):
        rows += 1
        for guard in re.split(r'[;,] (?=`)', guards):
            found = re.fullmatch(r'`([^`]+)`(?:: (.+))?', guard)
            source = found and find(tests, found.group(1))
            if not source:
                yield f'{promise}: no {guard}'
                continue
            for name in (found.group(2) or '').split(', '):
                if name and not has_test(source, name):
                    yield f'{promise}: no test "{name}" in {found.group(1)}'
    if not rows:
        yield 'no promises found'


def main():
    tests = os.path.join(sys.argv[1], 'tests')
    missing = []
    for name in ('SECURITY.md', 'docs/security.md'):
        with open(os.path.join(sys.argv[1], name), encoding='utf-8') as file:
            text = file.read()
        missing += [f'{name}: {what}' for what in missing_from(tests, text)]
    for file in sorted(os.listdir(os.path.join(tests, 'attacks'))):
        if file.endswith('.bats') and f'`attacks/{file}`' not in text:
            missing.append(f'docs/security.md: attacks/{file} is not named')
    if missing:
        raise SystemExit('\n'.join(missing))


main()
