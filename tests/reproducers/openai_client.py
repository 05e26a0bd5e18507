"""A client of openai is made; nothing is sent."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import openai
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

# Before OpenAI there was another way, which does not use httpx so.
if not hasattr(openai, "OpenAI"):
    print("healthy: no OpenAI")
    sys.exit(0)
try:
    client = openai.OpenAI(api_key="x", base_url="https://localhost/v1/")
except TypeError as error:
    print("BAD:", error)
    sys.exit(1 if "'proxies'" in str(error) else 3)
right = client.api_key == "x" and "localhost" in str(client.base_url)
print("healthy" if right else "broken: %s" % client.base_url)
sys.exit(0 if right else 3)
