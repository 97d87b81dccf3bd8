# SPDX-License-Identifier: LGPL-2.1-or-later
"""conforms.py SCHEMAS NAME FILE...: each file against the runtime specification's schema NAME.

SCHEMAS is the directory of the specification's own schemas.  Prints TAP's body lines for
what does not conform; the exit status says if anything does not.
"""
import json
import os
import sys

import jsonschema

SCHEMAS, NAME, FILES = sys.argv[1], sys.argv[2], sys.argv[3:]
wrong = 0


def load(path):
    with open(path) as file:
        return json.load(file)


path = os.path.join(os.path.abspath(SCHEMAS), NAME)
schema = load(path)
base = "file://" + os.path.dirname(path) + "/"
# where references are looked up from: the schema's own address is on the web
schema.pop("id", None)
resolver = jsonschema.RefResolver(base, schema)
validator = jsonschema.Draft4Validator(schema, resolver=resolver)
for name in FILES:
    for error in validator.iter_errors(load(name)):
        where = ".".join(str(step) for step in error.absolute_path)
        print(f"# {name}: {where}: {error.message[:300]}")
        wrong += 1
sys.exit(wrong > 0)
