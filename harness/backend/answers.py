"""What the API answers: JSON with a status, and an error in one form everywhere.

An error is ``{"error": a sentence, "reason": a word for programs, ...}``.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # half a surrogate pair cannot be sent as UTF-8
    return Response(text.encode("utf-8", "replace"), status, headers, "application/json")


class Refused(Exception):
    """The request is answered with an error; whatever it had begun is rolled back."""

    def __init__(
        self,
        status: int,
        reason: str,
        sentence: str,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(sentence)
        self.status, self.reason, self.headers, self.more = status, reason, headers, more

    def response(self) -> Response:
        """Give the error as it is sent."""
        body = {"error": str(self), "reason": self.reason, **self.more}
        return answer(body, self.status, self.headers)
