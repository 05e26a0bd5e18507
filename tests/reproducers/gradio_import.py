"""`import gradio`, and a block that is laid out."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os

os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")
try:
    import gradio
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "'HfFolder'" in str(error) else 3)
with gradio.Blocks() as blocks:
    gradio.Textbox(label="name")
shown = [one["type"] for one in blocks.get_config_file()["components"]]
right = "textbox" in shown
print("healthy" if right else "broken: %s" % shown)
sys.exit(0 if right else 3)
