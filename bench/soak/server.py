"""A server on this machine that gives files slowly, and parts of them to those who ask for the rest."""

import hashlib
import http.server
import re
import threading
import time

PIECES = 40


class Server:
    def __init__(self):
        self.files = {}
        self.resumed = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content, seconds = server.files[self.path]
                tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
                wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                begin = 0
                if wanted and self.headers.get("If-Range") == tag and int(wanted[1]) < len(content):
                    begin = int(wanted[1])
                    server.resumed += 1
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                piece = len(content) // PIECES + 1
                try:
                    for start in range(begin, len(content), piece):
                        self.wfile.write(content[start:start + piece])
                        time.sleep(seconds / PIECES)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{http_server.server_address[1]}"
        threading.Thread(target=http_server.serve_forever, daemon=True).start()

    def offer(self, name, content, seconds=0.0):
        """The address of this content, which takes so long to come."""
        self.files["/" + name] = content, seconds
        return f"{self.url}/{name}"
