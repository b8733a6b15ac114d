"""The cases that the server's own JSON Schema validator is tested with, held against the Python package `jsonschema`."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft7Validator

CASES = Path(__file__).resolve().parent.parent / "Fixtures" / "json-schema-cases.json"


def test_jsonschema_says_the_same_of_every_shared_case():
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    assert len(cases) > 500
    wrong = []
    for case in cases:
        Draft7Validator.check_schema(case["schema"])
        if Draft7Validator(case["schema"]).is_valid(case["value"]) is not case["valid"]:
            wrong.append(case)
    assert not wrong
