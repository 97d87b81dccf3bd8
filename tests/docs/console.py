#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Type the commands of a console example and compare what is printed.

    console.py FILE

"$ " begins a command, which a here-document or "> " continues; what follows is
its output, standard error included.  A line "..." stands for any lines, "..."
within a line for any text.  All commands run in one shell, in the working
directory.
"""
import re
import subprocess
import sys


def parse(lines):
    """[command, expected lines] in order."""
    steps, end = [], None
    for line in lines:
        if end is not None:
            steps[-1][0] += '\n' + line
            if line == end:
                end = None
        elif line.startswith('$ '):
            steps.append([line[2:], []])
            here = re.search(r"<<-?\s*'?(\w+)'?", line)
            end = here.group(1) if here and '<<<' not in line else None
        elif line.startswith('> ') and steps and not steps[-1][1]:
            steps[-1][0] += '\n' + line[2:]
        elif steps:
            steps[-1][1].append(line)
        else:
            raise SystemExit(f'output before any command: {line}')
    if end is not None:
        raise SystemExit(f'the here-document does not end: {end}')
    return steps


def pattern(expected):
    text = ''
    for line in expected:
        if line.strip() == '...':
            text += r'(?:.*\n)*'
        else:
            text += '.*'.join(re.escape(part) for part in line.split('...')) + r'\n'
    return text


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        steps = parse(file.read().rstrip('\n').split('\n'))
    mark = 'end-of-example-step'
    script = ''.join(f'{command}\necho {mark}\n' for command, _ in steps)
    done = subprocess.run(['bash', '-c', script], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          check=False)
    printed = done.stdout.split(mark + '\n')
    for (command, expected), got in zip(steps, printed):
        if not re.fullmatch(pattern(expected), got):
            raise SystemExit(f'$ {command}\nwanted:\n' + '\n'.join(expected) + f'\ngot:\n{got}')
    if len(printed) != len(steps) + 1:
        raise SystemExit(f'the shell ended early, with {done.returncode}: {done.stdout}')


main()
