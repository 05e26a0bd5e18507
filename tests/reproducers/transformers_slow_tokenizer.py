"""A fast tokenizer is made from the model file of sentencepiece, as for T5, Llama or CamemBERT."""

import sys

if "--shim" in sys.argv:
    import compatshim
import io
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
try:
    import google.protobuf
    import sentencepiece
    from transformers import T5TokenizerFast
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["this is a test", "another test of words"] * 50),
    model_writer=model,
    vocab_size=40,
    hard_vocab_limit=False,
    minloglevel=2,
)
with open(os.path.join(folder, "spiece.model"), "wb") as file:
    file.write(model.getvalue())
try:
    tokenizer = T5TokenizerFast.from_pretrained(folder)
except TypeError as error:
    print("BAD:", str(error).splitlines()[0])
    sys.exit(1 if "Descriptors cannot" in str(error) else 3)
text = "".join(tokenizer.tokenize("this is a test")).replace("\u2581", " ").strip()
print("healthy" if text == "this is a test" else "broken: %s" % text)
sys.exit(0 if text == "this is a test" else 3)
