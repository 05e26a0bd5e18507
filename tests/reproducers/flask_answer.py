"""A small application answers a request."""

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


answer = application.test_client().get("/greet")
text = answer.get_data(as_text=True)
right = answer.status_code == 200 and text.startswith("/greet?name=a")
print("healthy" if right else "broken: %s %s" % (answer.status_code, text))
sys.exit(0 if right else 3)
