"""A folder of images with a metadata.csv that says something about each."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
try:
    import datasets
    from PIL import Image
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

images = os.path.join(folder, "images")
os.mkdir(images)
Image.new("RGB", (4, 4)).save(os.path.join(images, "0.png"))
with open(os.path.join(images, "metadata.csv"), "w") as file:
    file.write("file_name,text\n0.png,hello\n")
try:
    data = datasets.load_dataset("imagefolder", data_dir=images, split="train")
except ValueError as error:
    print("BAD:", error)
    sys.exit(1 if "file_name" in str(error) else 3)
except Exception as error:
    cause = error.__cause__ or error
    print("BAD:", cause)
    sys.exit(1 if "file_name" in str(cause) else 3)
row = data[0]
if "text" not in row:
    print("does not apply: this datasets reads no metadata.csv")
    sys.exit(2)
right = row["text"] == "hello" and row["image"].size == (4, 4)
print("healthy" if right else "broken: %s" % row)
sys.exit(0 if right else 3)
