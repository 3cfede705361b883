"""What Envoy does by itself while requests pass without the router: ask for the default model.

A backend does not know the names that stand for the router's choice. Where `on_error` lets requests
pass, a few lines of Lua on the fallback route put the default model in their place, and note that
they had to. The router's own answers never come that far, whatever route they began on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.lua import v3 as lua
from envoy_data_plane.google.protobuf import Any

from router.config import Config
from router.envoy_config.document import pack
from router.extproc.wire import METADATA_NAMESPACE

LUA = "envoy.filters.http.lua"
FAILED_OPEN_KEY = "failed_open"

# A quote inside of a JSON string is escaped, so that no text of a prompt looks like this.
_FIELD = r'("model"%s*:%s*)'

_SCRIPT = """\
function envoy_on_request(request)
  request:streamInfo():dynamicMetadata():set(NAMESPACE, KEY, "true")
  local content_type = request:headers():get("content-type") or "json"
  if not content_type:lower():find("json", 1, true) then return end
  local body = request:body()
  if not body then return end
  local text, count = body:getBytes(0, body:length()), 0
  for _, pattern in ipairs({PATTERNS}) do
    if count == 0 then text, count = text:gsub(pattern, REPLACEMENT, 1) end
  end
  if count == 0 then return end
  body:setBytes(text)
  if request:headers():get("content-length") then
    request:headers():replace("content-length", tostring(#text))
  end
end
"""


def use_default_model(config: Config) -> dict[str, Any]:
    """The per-route setting that puts the default model in the place of every auto name."""
    source = core.DataSource(inline_string=script(config.auto_names, config.default_model))
    return {LUA: pack(lua.LuaPerRoute(source_code=source))}


def script(names: Iterable[str], model: str) -> str:
    """Lua that replaces any of `names` by `model` in the first `"model"` field that holds one."""
    patterns = ", ".join(_literal(_FIELD + _pattern(_json(name))) for name in names)
    replacement = _literal("%1" + _json(model).replace("%", "%%"))
    words = {
        "NAMESPACE": _literal(METADATA_NAMESPACE),
        "KEY": _literal(FAILED_OPEN_KEY),
        "PATTERNS": patterns,
        "REPLACEMENT": replacement,
    }
    # All at once: a name may be one of these words.
    return re.sub("|".join(words), lambda word: words[word[0]], _SCRIPT)


def _json(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _pattern(text: str) -> str:
    """A Lua pattern that matches exactly `text`: ASCII but letters and digits is escaped."""
    return "".join(f"%{c}" if c.isascii() and not c.isalnum() else c for c in text)


def _literal(text: str) -> str:
    """A Lua string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
