"""What the API tells of itself: /openapi.json for programs, /docs for people.

The document is made from the `resources` that check every request, so it cannot say otherwise. No
library makes it from them: Starlette's SchemaGenerator reads YAML in the docstring of an endpoint,
and one endpoint serves three tables here; pydantic's models or FastAPI would make the start of the
backend, which cycles wait for, two to three times as long, and reword its errors.

The page is Swagger UI, served from this machine: nothing is fetched from elsewhere. Its files are
those of flask-swagger-ui, which follows every release; no Flask is imported.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from harness.backend.answers import Refused, answer
from harness.backend.resources import RESOURCES, Column, Resource
from harness.version import VERSION

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The platform's API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null})
</script>
</body>
</html>
"""
_ABOUT = (
    "Every call below but `/health` needs a bearer token: a row of the table `api_tokens` that is"
    " not revoked, with a scope such as `bots:delete` for this call. Every request is one"
    " transaction on the database behind it."
)
_NUMBER = {"type": "integer", "format": "int64"}


async def document(request: Request) -> Response:
    """Answer with the OpenAPI document."""
    return answer(describe())


async def page(request: Request) -> Response:
    """Answer with the page."""
    return Response(_PAGE, media_type="text/html")


async def asset(request: Request) -> Response:
    """Answer with a file of the page's."""
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise Refused(404, "unknown path", "there is no such path; /docs lists all")
    file = distribution("flask-swagger-ui").locate_file(f"flask_swagger_ui/dist/{name}")
    content = Path(str(file)).read_bytes()
    return Response(content, media_type=_ASSETS[name], headers={"cache-control": "max-age=3600"})


def describe() -> dict[str, Any]:
    """Build the OpenAPI document."""
    mode = {"type": "string", "nullable": True, "description": "null while nobody may read it"}
    health = _object({"ok": {"type": "boolean"}, "journal_mode": mode})
    paths: dict[str, Any] = {
        "/health": {
            "get": {
                "summary": "Whether it serves, and the database's journal mode",
                "tags": ["health"],
                "security": [],
                "responses": {"200": _content("It serves.", health)},
            }
        }
    }
    schemas: dict[str, Any] = {
        "Error": _object({"error": {"type": "string"}, "reason": {"type": "string"}})
    }
    for resource in RESOURCES:
        schemas[_name(resource)] = _row(resource)
        schemas[f"New{_name(resource)}"] = _new(resource)
        paths |= _paths(resource)
    return {
        "openapi": "3.0.3",
        "info": {"title": "The platform's API", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _name(resource: Resource) -> str:
    return resource.table.removesuffix("s").capitalize()


def _paths(resource: Resource) -> dict[str, Any]:
    table, name = resource.table, _name(resource)
    row = {"$ref": f"#/components/schemas/{name}"}
    rows = _object(
        {"items": {"type": "array", "items": row}, "next": {**_NUMBER, "nullable": True}}
    )
    key = {"name": "id", "in": "path", "required": True, "schema": _NUMBER}
    common = {"tags": [table]}
    return {
        f"/{table}": {
            "get": {
                **common,
                "summary": f"A page of {table}, in order of id; next: where to go on after",
                "parameters": [
                    _query("after", {**_NUMBER, "default": 0}),
                    _query("limit", {**_NUMBER, "default": 100, "minimum": 1, "maximum": 200}),
                ],
                "responses": _responses("200", _content("The page.", rows), "400"),
            },
            "post": {
                **common,
                "summary": f"Create one of the {table}",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": f"#/components/schemas/New{name}"}}
                    },
                },
                "responses": _responses(
                    "201", _content("As it was stored.", row), "400", "408", "409", "413", "422"
                ),
            },
        },
        f"/{table}/{{id}}": {
            "parameters": [key],
            "get": {
                **common,
                "summary": f"One of the {table}",
                "responses": _responses("200", _content("It.", row), "404"),
            },
            "delete": {
                **common,
                "summary": f"Delete one of the {table}",
                "responses": _responses("204", {"description": "It is gone."}, "404", "409"),
            },
        },
    }


_ERRORS = {
    "400": "No JSON, or no such query.",
    "401": "No token, or none that is known and not revoked.",
    "403": "The token lacks the scope.",
    "404": "There is none with this id.",
    "408": "The body did not come in time.",
    "409": "A constraint of the database is against it; `constraint` says which.",
    "413": "The body is too large.",
    "422": "The body is no row; `column` says where.",
    "500": "The backend failed.",
    "503": "The database was locked for too long.",
}


def _responses(status: str, content: dict[str, Any], *errors: str) -> dict[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    every = sorted({*errors, "401", "403", "500", "503"})
    return {status: content, **{each: _content(_ERRORS[each], error) for each in every}}


def _content(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _column(column: Column) -> dict[str, Any]:
    if column.kind == "integer":
        schema: dict[str, Any] = dict(_NUMBER)
    elif column.kind == "flag":
        schema = {"type": "boolean", "description": "0 and 1 do as well"}
    else:
        schema = {"type": "string"}
    if column.choices:
        schema["enum"] = list(column.choices)
    if not column.required:
        schema["default"] = bool(column.default) if column.kind == "flag" else column.default
    elif column.example:
        schema["example"] = column.example
    return schema


def _new(resource: Resource) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _column(column) for column in resource.columns},
        "required": [column.name for column in resource.columns if column.required],
        "additionalProperties": False,
    }


def _row(resource: Resource) -> dict[str, Any]:
    texts = {column.name for column in resource.columns if column.kind == "text"}
    return _object(
        {name: {"type": "string"} if name in texts else dict(_NUMBER) for name in resource.order}
    )
