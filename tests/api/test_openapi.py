"""The interface file is the code's: complete, with examples, and up to date in the repository."""

import json
from pathlib import Path

from api.openapi import document

COMMITTED = Path(__file__).parents[2] / "web" / "openapi.json"


def test_the_committed_file_is_up_to_date():
    assert COMMITTED.read_text(encoding="utf-8") == document(), "run: python -m api.openapi > web/openapi.json"


def test_every_operation_is_named_described_and_tells_its_problems():
    interface = json.loads(document())
    assert interface["openapi"].startswith("3.1")
    for path, methods in interface["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in methods.values():
            assert operation["operationId"].isidentifier()
            assert operation["description"], operation["operationId"]
            problem = operation["responses"]["4XX"]["content"]["application/problem+json"]
            assert problem["schema"] == {"$ref": "#/components/schemas/ProblemBody"}, operation["operationId"]
            assert "422" not in operation["responses"], "the framework's own error body is never sent"
            assert operation["security"] or "x-roles" not in operation


def test_bodies_refuse_unknown_fields_and_show_an_example():
    interface = json.loads(document())
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for methods in interface["paths"].values()
        for operation in methods.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(bodies) >= 5
    for name in bodies:
        schema = interface["components"]["schemas"][name]
        assert schema["additionalProperties"] is False, name
        assert schema["examples"], name
