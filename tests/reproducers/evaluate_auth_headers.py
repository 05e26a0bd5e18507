"""evaluate asks for the user's token before every download from the hub."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_TOKEN="hf_secret", HF_UPDATE_DOWNLOAD_COUNTS="0")
try:
    from evaluate import config
    from evaluate.utils.file_utils import get_authentication_headers_for_url
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

try:
    headers = get_authentication_headers_for_url(
        config.HF_ENDPOINT + "/spaces/evaluate-metric/f1/resolve/main/f1.py"
    )
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "HfFolder" in str(error) else 3)
# Until 0.4.2 nothing is sent unless it is asked for.
sent = headers.get("authorization")
print("healthy:" if sent in ("Bearer hf_secret", None) else "broken:", headers)
elsewhere = get_authentication_headers_for_url("https://example.org/f1.py")
sys.exit(0 if sent in ("Bearer hf_secret", None) and not elsewhere else 3)
