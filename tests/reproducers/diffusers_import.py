"""`import diffusers`, without torch, and a configuration that is saved."""

import sys

if "--shim" in sys.argv:
    import compatshim
import json
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_HUB_OFFLINE="1")
try:
    import diffusers
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "from 'huggingface_hub" in str(error) else 3)
from diffusers.configuration_utils import ConfigMixin, register_to_config


class Settings(ConfigMixin):
    config_name = "settings.json"

    @register_to_config
    def __init__(self, size=1):
        pass


Settings(size=3).save_config(folder)
with open(os.path.join(folder, "settings.json")) as file:
    size = json.load(file)["size"]
print("healthy" if size == 3 else "broken: %s" % size)
sys.exit(0 if size == 3 else 3)
