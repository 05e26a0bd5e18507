# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "typer<0.13",
#     "tqdm",
# ]
# ///
print("hello")
