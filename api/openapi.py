"""The interface as a file: `python -m api.openapi > web/openapi.json`; the phone app's client is generated from it."""

import json
import sys

from api.app import create_app
from api.settings import ApiSettings


def document() -> str:
    """OpenAPI 3.1 as text, the same for the same code."""
    app = create_app(ApiSettings.model_validate({"database": {"dsn": "postgresql:///unused"}}))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
