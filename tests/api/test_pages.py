"""The phone app's files, and what every answer carries."""

import gzip
import itertools

import httpx
import pytest

from api.files import find_root, read_pages

INDEX = "<!doctype html><title>Linewright</title>"
SCRIPT = "console.log('hello');" * 200


@pytest.fixture
def built(tmp_path):
    root = tmp_path / "web"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text(INDEX)
    (root / "sw.js").write_text("self.skipWaiting()")
    (root / "assets" / "index-3fA2b_9x.js").write_text(SCRIPT)
    (root / "assets" / "reader-Ab12Cd34.wasm").write_bytes(b"\0asm" + bytes(2000))
    (tmp_path / "secret.txt").write_text("what nobody may read")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return root


async def test_any_page_is_the_app(built, client):
    for path in ("/", "/q/some-token", "/orders/7", "/index.html", "/machines", "/login?next=/q/x"):
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, INDEX), path
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_hashed_files_are_kept_for_ever_and_others_asked_for_again(built, client):
    script = await client.get("/assets/index-3fA2b_9x.js")
    assert script.text == SCRIPT
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["content-encoding"] == "gzip"
    plain = await client.get("/assets/index-3fA2b_9x.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    worker = await client.get("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    unchanged = await client.get("/sw.js", headers={"if-none-match": worker.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await client.get("/assets/reader-Ab12Cd34.wasm")).headers["content-type"] == "application/wasm"
    assert (await client.get("/assets/index-gone0000.js")).status_code == 404, "an old name must not become HTML"


async def test_no_path_leads_out_of_the_folder(built, client):
    up = ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/link.txt", "//etc/passwd", "/%00")
    for path in up:
        answer = await client.get(path)
        assert "nobody may read" not in answer.text, path
        assert "root:" not in answer.text, path


async def test_an_unknown_api_path_is_never_html(built, client):
    paths = ("/api", "/api/", "/api/v1/nothing", "/api/v2/machines", "/api/v1/orders/x/y/z")
    for path, method in itertools.product(paths, ("GET", "POST", "DELETE")):
        answer = await client.request(method, path)
        assert answer.status_code in {404, 405}, (method, path)
        assert answer.headers["content-type"] == "application/problem+json", (method, path)


async def test_without_a_build_the_page_says_what_to_do(client):
    answer = await client.get("/q/token")
    assert answer.status_code == 404
    assert "make web" in answer.text


async def test_every_answer_carries_the_security_headers(built, client):
    for path in ("/", "/api/v1/session", "/api/v1/nothing", "/healthz"):
        check_headers(path, (await client.get(path)).headers)


def check_headers(path, headers):
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy, "no other host"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    if path.startswith("/api/"):
        assert headers["cache-control"] == "no-store"


async def test_metrics_are_for_this_machine_only(client, app):
    assert (await client.get("/metrics")).status_code == 404
    near = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=near, base_url="http://localhost") as local:
        assert "lw_api_requests_total" in (await local.get("/metrics")).text
        assert (await local.get("/metrics", headers={"x-forwarded-for": "192.0.2.9"})).status_code == 404


def test_the_shipped_build_is_found_where_nothing_is_configured(tmp_path):
    assert find_root(tmp_path) is None
    assert read_pages(None) == {}
    (tmp_path / "index.html").write_text(INDEX)
    assert find_root(tmp_path) == tmp_path


def test_compressed_pages_are_the_same_pages(built):
    found = read_pages(built)["assets/index-3fA2b_9x.js"]
    assert found.compressed is not None
    assert gzip.decompress(found.compressed) == found.content
