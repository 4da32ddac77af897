"""A TLS server on loopback that takes its time: `python server.py FOLDER DELAY_MS`.

Writes `ca.pem` and `port` into the folder, then answers OpenRouter's `/key` after the delay and
everything else at once, until it is killed.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import trustme

KEY = {
    "data": {
        "label": "sk-or-v1-fak...key",
        "limit": 60,
        "limit_remaining": 41.37,
        "limit_reset": "weekly",
        "usage": 214.92,
        "usage_daily": 2.4,
        "usage_weekly": 18.63,
        "usage_monthly": 55.08,
        "is_free_tier": False,
        "is_management_key": False,
    }
}


class Handler(BaseHTTPRequestHandler):
    """Answers as the seed of every measurement expects."""

    delay_s = 0.0

    def do_GET(self) -> None:
        found = self.path.endswith("/key")
        if found:
            time.sleep(self.delay_s)
        data = json.dumps(KEY if found else {"error": {"code": 403}}).encode()
        self.send_response(200 if found else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The handshake happens in the request's own thread, as in any real server."""

    daemon_threads = True
    request_queue_size = 128
    context: ssl.SSLContext

    def finish_request(self, request: object, client_address: object) -> None:
        with self.context.wrap_socket(request, server_side=True) as secure:  # type: ignore[arg-type]
            self.RequestHandlerClass(secure, client_address, self)  # type: ignore[arg-type]


def main() -> None:
    folder = Path(sys.argv[1])
    Handler.delay_s = float(sys.argv[2]) / 1000
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.context = context
    (folder / "port.tmp").write_text(str(server.server_address[1]))
    (folder / "port.tmp").rename(folder / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
