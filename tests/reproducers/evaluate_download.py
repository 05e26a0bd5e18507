"""evaluate downloads a file, as evaluate.load does for every metric of the hub."""

import sys

if "--shim" in sys.argv:
    import compatshim
import http.server
import os
import tempfile
import threading

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", NO_PROXY="*", no_proxy="*")


class Hub(http.server.BaseHTTPRequestHandler):
    tokens = set()

    def do_HEAD(self):  # noqa: N802
        self.send_response(200)
        self.send_header("ETag", "x")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.tokens.add(self.headers.get("Authorization"))

    def do_GET(self):  # noqa: N802
        self.do_HEAD()
        self.wfile.write(b"hi")

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = address = "http://127.0.0.1:%d" % server.server_port
try:
    from evaluate.utils import file_utils
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

# evaluate up to 0.4.0 has a class of its own, and only that knows nothing of `token`.
name = "token" if hasattr(file_utils.DownloadConfig, "token") else "use_auth_token"
config = file_utils.DownloadConfig(cache_dir=folder, **{name: "hf_secret"})
try:
    path = file_utils.cached_path(address + "/metric.py", download_config=config)
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "use_auth_token" in str(error) else 3)
with open(path) as file:
    content = file.read()
# datasets 2.14 to 2.21 sends the word "deprecated" for a token, which is another matter, and not the shim's.
mended = "--shim" in sys.argv and "CSA-2026-0009" in compatshim.status().applied
right = content == "hi" and (Hub.tokens == {"Bearer hf_secret"} or not mended)
print("healthy:" if right else "broken:", content, Hub.tokens)
sys.exit(0 if right else 3)
