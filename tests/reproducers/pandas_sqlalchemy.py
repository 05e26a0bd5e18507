"""pandas reads a table of a database through an engine of SQLAlchemy."""

import sys

if "--shim" in sys.argv:
    import compatshim
import warnings

warnings.simplefilter("ignore")
try:
    import pandas
    import sqlalchemy
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
with engine.begin() as connection:
    connection.execute(sqlalchemy.text("CREATE TABLE t (a INTEGER)"))
    connection.execute(sqlalchemy.text("INSERT INTO t VALUES (1), (2)"))
try:
    values = pandas.read_sql("SELECT a FROM t", engine)["a"].tolist()
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "Engine' object has no attribute" in str(error) else 3)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "or newer of 'sqlalchemy'" in str(error) else 3)
print("healthy" if values == [1, 2] else "broken: %s" % values)
sys.exit(0 if values == [1, 2] else 3)
