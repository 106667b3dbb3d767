"""What a request's headers may tell Gradio, and what every answer's headers tell a browser.

Asked: whoever sends ``X-Forwarded-Host`` tells Gradio where its page lives, so such headers count
only where the host says that a proxy of its own sets them: ``ATTENTION_MATCHMAKER_PROXY=1``, or on
Hugging Face Spaces. No other site's script may read an answer: pages need no CORS for their own
server, so the Origin is not passed on and no answer allows one.

Told: only this server is ever asked for anything (``POLICY``), which is "nothing phones home" as the
browser enforces it. Any site may show the page in a frame; ``ATTENTION_MATCHMAKER_EMBED`` closes that
("none"), or names who may ("https://moodle.example.edu https://example.org").
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

PROXY, EMBED = "ATTENTION_MATCHMAKER_PROXY", "ATTENTION_MATCHMAKER_EMBED"
Headers = list[tuple[bytes, bytes]]

CLAIMS = (b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-forwarded-prefix", b"forwarded")
NEVER = (b"x-gradio-server", b"origin")
HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]{1,255}")
SOURCE = re.compile(r"https?://[A-Za-z0-9.*-]+(:[0-9*]+)?")
SHARED = "https://gradio.s3-us-west-2.amazonaws.com"  # the script of a gradio.live page (app.py --share)
# Gradio makes functions of strings (handlers that run in the browser) and styles inline
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def trusts_proxy() -> bool:
    """Whether the host vouches for the proxy in front of this process."""
    return os.environ.get(PROXY) == "1" or os.environ.get("SYSTEM") == "spaces"


def asked(headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
    """The headers of a request that Gradio may see; None where the host's name is not one."""
    left = NEVER if trusts_proxy() else (*NEVER, *CLAIMS)
    kept = [(name, value) for name, value in headers if name.lower() not in left]
    named = [value for name, value in kept if name.lower() in (b"host", b"x-forwarded-host")]
    return kept if all(HOST.fullmatch(one) for value in named for one in value.split(b", ")) else None


def ancestors() -> str:
    """Who may show the page in a frame, as a content policy says it."""
    wish = os.environ.get(EMBED, "").strip() or "*"
    if wish == "*":
        return "*"
    sites = [site for site in wish.split() if SOURCE.fullmatch(site)]
    return " ".join(["'self'", *sites]) if sites else "'none'"


def told(headers: Iterable[tuple[bytes, bytes]], shared: bool = False) -> Headers:
    """The headers of an answer with ours in their place; ``shared``: a page of gradio.live."""
    policy = POLICY | {"frame-ancestors": ancestors()}
    if shared:
        policy |= {name: f"{policy[name]} {SHARED}" for name in ("script-src", "style-src", "font-src")}
        policy["connect-src"] = f"'self' {SHARED}"
    ours = {
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        b"content-security-policy": "; ".join(f"{name} {who}" for name, who in policy.items()).encode(),
    }
    return [(k, v) for k, v in headers if k.lower() not in ours and not _is_cors(k)] + list(ours.items())


def _is_cors(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")
