"""Answers are JSON, whatever is in them."""

from __future__ import annotations

import json

from harness.backend.answers import Refused, answer


def test_an_error_has_one_form() -> None:
    """A sentence, a word for programs and what belongs to it, with the status and headers."""
    refused = Refused(403, "permission denied", "no", headers={"x-why": "so"}, scope="bots:read")
    response = refused.response()
    assert response.status_code == 403
    assert response.headers["x-why"] == "so"
    assert json.loads(bytes(response.body)) == {
        "error": "no",
        "reason": "permission denied",
        "scope": "bots:read",
    }


def test_half_a_surrogate_pair_can_be_answered() -> None:
    """Text that UTF-8 cannot spell is shown with a question mark instead of failing."""
    assert json.loads(bytes(answer({"a": "é\ud800"}).body)) == {"a": "é?"}
