"""Makes asyncua's server answer Browse in pages, with few continuation points and a limit a request, as PLCs do."""

from itertools import count
from typing import Any

import pytest
from asyncua import ua
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

_BROWSE_NEXT = ua.NodeId(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary)


class Pages:
    """References a page, open continuation points, nodes a request; and what was asked."""

    def __init__(self, references: int, points: int, nodes: int) -> None:
        self.references, self.points, self.nodes = references, points, nodes
        self.open: dict[bytes, list[ua.ReferenceDescription]] = {}
        self.nexts = self.refused = 0
        self._numbers = count(1)

    def page(self, references: list[ua.ReferenceDescription]) -> ua.BrowseResult:
        result = ua.BrowseResult()
        rest = references[self.references :]
        if rest and len(self.open) >= self.points:
            self.refused += 1
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadNoContinuationPoints)
            return result
        result.References = references[: self.references]
        if rest:
            result.ContinuationPoint = str(next(self._numbers)).encode()
            self.open[result.ContinuationPoint] = rest
        return result

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        browse, process, pages = InternalSession.browse, UaProcessor._process_message, self

        async def paged(session: InternalSession, parameters: ua.BrowseParameters) -> list[ua.BrowseResult]:
            if not session.external:
                return await browse(session, parameters)
            if len(parameters.NodesToBrowse) > pages.nodes:
                raise ua.uaerrors.BadTooManyOperations
            return [
                pages.page(result.References) if result.StatusCode.is_good() else result
                for result in await browse(session, parameters)
            ]

        async def processed(processor: UaProcessor, typeid: Any, header: Any, sequence: Any, body: Any) -> Any:
            if typeid != _BROWSE_NEXT:
                return await process(processor, typeid, header, sequence, body)
            parameters = struct_from_binary(ua.BrowseNextParameters, body)
            rests = [pages.open.pop(point) for point in parameters.ContinuationPoints]
            pages.nexts += 1
            response = ua.BrowseNextResponse()
            release = parameters.ReleaseContinuationPoints
            response.Parameters.Results = [] if release else [pages.page(rest) for rest in rests]
            processor.send_response(header.RequestHandle, sequence, response)
            return True

        monkeypatch.setattr(InternalSession, "browse", paged)
        monkeypatch.setattr(UaProcessor, "_process_message", processed)
