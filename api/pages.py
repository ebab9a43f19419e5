"""The phone app over HTTP, from the list of its files.

    GET /assets/x-3f2a.js   its file, for ever (the name holds the hash)
    GET /sw.js, /index.html its file, asked again each time
    GET /q/<token>, /orders … index.html: the app finds its page itself
    GET /api/<unknown>      a problem, never HTML
"""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from api import NoSuchThing
from api.files import Page
from api.state import state_of

router = APIRouter(include_in_schema=False)

_NOT_BUILT = "The phone app is not built. Run `make web`, or set web_root to the folder that holds its index.html.\n"


@router.api_route("/api", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@router.api_route("/api/{rest:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def unknown_api_path(request: Request) -> Response:
    """A mistyped address of the API is told in the API's own words."""
    raise NoSuchThing(f"{request.url.path} is no address of this API; /api/v1/openapi.json lists them")


@router.api_route("/{name:path}", methods=["GET", "HEAD"])
async def page(name: str, request: Request) -> Response:
    """A file of the app, or the app itself."""
    pages = state_of(request).pages
    found = pages.get(name)
    if found is None and name.startswith("assets/"):
        raise NoSuchThing(f"{request.url.path} is no file of the app; reload it")
    found = found or pages.get("index.html")
    if found is None:
        return PlainTextResponse(_NOT_BUILT, status_code=404)
    return _answer(found, request)


def _answer(found: Page, request: Request) -> Response:
    headers = {"ETag": found.etag, "Cache-Control": found.cache_control, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    content = found.content
    if found.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = found.compressed, "gzip"
    return Response(content, media_type=found.content_type, headers=headers)
