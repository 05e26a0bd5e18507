"""A small application answers a request."""

import io
import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import flask
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "from 'werkzeug" in str(error) else 3)

application = flask.Flask("application")


@application.route("/greet")
def greet():
    return flask.url_for("greet", name="a b")


# Straight through WSGI: Flask's own test client has a fault of its own with Werkzeug 3.1.
states = []
request = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/greet",
    "QUERY_STRING": "",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": io.BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
text = b"".join(application(request, lambda state, headers, error=None: states.append(state))).decode()
right = states == ["200 OK"] and text.startswith("/greet?name=a")
print("healthy" if right else "broken: %s %s" % (states, text))
sys.exit(0 if right else 3)
