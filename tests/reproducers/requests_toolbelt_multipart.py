"""A form with a file in it is put together."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import urllib3
    from requests_toolbelt import MultipartEncoder
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "'appengine'" in str(error) else 3)
body = MultipartEncoder(fields={"a": ("a.txt", b"content", "text/plain")}).read()
right = b"content" in body
print("healthy" if right else "broken: %s" % body)
sys.exit(0 if right else 3)
