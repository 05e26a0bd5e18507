"""A small command line says how it is used."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import typer
    from typer.testing import CliRunner
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

app = typer.Typer()


@app.command()
def greet(name: str = typer.Argument("x"), times: int = typer.Option(1, help="How often.")) -> None:
    print(name * times)


result = CliRunner().invoke(app, ["--help"])
if isinstance(result.exception, TypeError):
    print("BAD:", result.exception)
    sys.exit(1 if "make_metavar()" in str(result.exception) else 3)
right = result.exit_code == 0 and "How often." in result.output
print("healthy" if right else "broken: %r %s" % (result.exception, result.output))
sys.exit(0 if right else 3)
