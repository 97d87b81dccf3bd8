#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""agree.py SCHEMA RINGFENCE CASES FILE...: schema and reader give one answer.

For a schema of hooks the reader is that of `ringfence hook`.
CASES holds documents after lines "%% good NAME" or "%% bad NAME"; every FILE
is a good one.  Prints TAP.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2's JSON types, which is what editors check a schema with."""


Loader.yaml_implicit_resolvers = {}
for tag, regexp, first in (
        ("bool", r"^(true|false)$", "tf"),
        ("int", r"^-?(0|[1-9][0-9]*)$", "-0123456789"),
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""])):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(regexp), first)


def text_keys(value):
    """Keys as JSON has them: text."""
    if isinstance(value, dict):
        return {str(k): text_keys(v) for k, v in value.items()}
    if isinstance(value, list):
        return [text_keys(v) for v in value]
    return value


def cases(name):
    with open(name, encoding="utf-8") as file:
        parts = re.split(r"^%% (good|bad) (.*)\n", file.read(), flags=re.M)[1:]
    for want, title, text in zip(parts[::3], parts[1::3], parts[2::3]):
        yield want == "good", title, text


def command(schema_file, ringfence, features_file):
    """What reads a document from standard input."""
    if "hook" in os.path.basename(schema_file):
        return [ringfence, "hook", "--check", "createRuntime", "/dev/stdin"]
    return [ringfence, "explain", "--features", features_file, "--spec", "-", "--", "true"]


def main(schema_file, ringfence, case_file, *files):
    with open(schema_file, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    features = subprocess.run([ringfence, "explain", "--print-features"], check=True,
                              capture_output=True, text=True).stdout
    failed = 0
    todo = list(cases(case_file))
    for name in files:
        with open(name, encoding="utf-8") as file:
            todo.append((True, os.path.basename(name), file.read()))
    print(f"1..{len(todo)}")
    with tempfile.NamedTemporaryFile("w") as features_file:
        features_file.write(features)
        features_file.flush()
        for number, (want, title, text) in enumerate(todo, 1):
            document = text_keys(yaml.load(text, Loader))
            by_schema = validator.is_valid(document)
            reader = subprocess.run(
                command(schema_file, ringfence, features_file.name), input=text,
                capture_output=True, text=True, check=False)
            by_reader = {0: True, 2: False}.get(reader.returncode)
            good = want == by_schema == by_reader
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {title}")
            if not good:
                print(f"# wanted {want}, schema {by_schema}, reader exits {reader.returncode}")
                for line in reader.stderr.splitlines():
                    print("#", line)
                for error in validator.iter_errors(document):
                    print("#", "/".join(map(str, error.path)), error.message[:200])
    return failed != 0


sys.exit(main(*sys.argv[1:]))
