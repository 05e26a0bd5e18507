"""An event is written into a log of tensorboard and read from it."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    import google.protobuf
    import tensorboard
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
try:
    from tensorboard.compat.proto import event_pb2, summary_pb2
except TypeError as error:
    print("BAD:", str(error).splitlines()[0])
    sys.exit(1 if "Descriptors cannot" in str(error) else 3)
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.summary.writer.event_file_writer import EventFileWriter

folder = tempfile.mkdtemp()
value = summary_pb2.Summary.Value(tag="loss", simple_value=0.5)
writer = EventFileWriter(folder)
writer.add_event(event_pb2.Event(step=7, summary=summary_pb2.Summary(value=[value])))
writer.close()
(name,) = os.listdir(folder)
events = list(LegacyEventFileLoader(os.path.join(folder, name)).Load())
seen = [(event.step, event.summary.value[0].tag) for event in events if event.HasField("summary")]
right = seen == [(7, "loss")]
print("healthy" if right else "broken: %s" % seen)
sys.exit(0 if right else 3)
