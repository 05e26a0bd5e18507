"""`import datasets`, and a file that is loaded with it."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", HF_TOKEN="hf_secret")
try:
    import datasets
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "'HfFolder'" in str(error) else 3)
from datasets.utils.file_utils import get_authentication_headers_for_url

path = os.path.join(folder, "x.jsonl")
with open(path, "w") as file:
    file.write('{"a": 1}\n{"a": 2}\n')
loaded = list(datasets.load_dataset("json", data_files=path, split="train")["a"])
address = datasets.config.HF_ENDPOINT + "/datasets/x/y/resolve/main/z"
sent = get_authentication_headers_for_url(address).get("authorization")
# Before 2.15 datasets looks for the token elsewhere.
release = [int(number) for number in datasets.__version__.split(".")[:2]]
right = loaded == [1, 2] and (sent == "Bearer hf_secret" or release < [2, 15])
print("healthy" if right else "broken: %s %s" % (loaded, sent))
sys.exit(0 if right else 3)
