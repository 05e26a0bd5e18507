"""A template is rendered."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import jinja2
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "'soft_unicode'" in str(error) else 3)
text = jinja2.Template("{% for one in all %}{{ one }};{% endfor %}").render(all=["a", "b"])
print("healthy" if text == "a;b;" else "broken: %s" % text)
sys.exit(0 if text == "a;b;" else 3)
