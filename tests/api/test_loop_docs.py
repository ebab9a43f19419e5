"""Every address and every body of the pages about verdicts and planned stops is one that the API takes."""

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from anomaly.loop import patterns, precision
from anomaly.settings import AnomalySettings
from api.app import api_routes
from api.openapi import document

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "explanation/verdicts-and-trust.md", DOCS / "how-to/planned-stops.md"]
CALL = re.compile(r"(GET|POST) +/api/v1(/[^ ?`\n]+)")
BODY = re.compile(r"POST +/api/v1(/[^ \n]+)\n(\{.*?\})\n", re.DOTALL)
SOME_ID = "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b13"


def calls():
    return [found for page in PAGES for found in CALL.findall(page.read_text(encoding="utf-8"))]


def bodies():
    return [found for page in PAGES for found in BODY.findall(page.read_text(encoding="utf-8"))]


def test_every_address_is_there():
    paths = json.loads(document())["paths"]
    assert len(calls()) >= 12
    for method, path in calls():
        assert method.lower() in paths[f"/api/v1{path}"], path


@pytest.mark.parametrize(("path", "body"), bodies())
def test_every_body_is_taken(path, body):
    (route,) = [route for route in api_routes() if route.path == path and "POST" in route.methods]
    model = route.body_field.field_info.annotation
    TypeAdapter(model).validate_json(body.replace("…", SOME_ID))


def test_the_numbers_of_the_page_are_those_of_the_code(database):
    page = PAGES[0].read_text(encoding="utf-8")
    assert f"cosine {patterns.COSINE_LEAST}" in page
    assert f"less than {patterns.SHARE_LEAST:.0%} of".replace("%", " %") in page
    assert f"after\n{patterns.LASTS.days} days" in page
    assert f"with {precision.PROMOTE_LEAST} verdicts or more" in page
    assert f"fewer than {precision.WINDOW // 2} of the last {precision.WINDOW} right" in page
    for right, counted in ((5, 5), (7, 8), (15, 20)):
        assert precision.decide("advisory", [True] * right + [False] * (counted - right))
        assert f"{right} of {counted}" in page
    assert f"`evaluate_at` ({AnomalySettings(database=database.settings('lw_worker')).evaluate_at})" in page
