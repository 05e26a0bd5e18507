"""Plays jobs of several ranks on the real evaluate, each rank a process of its own.

    ranks.py [--shim]

Reads a JSON object from each line of standard input: ``limit`` (seconds) and ``jobs``, each with ``world``, ``code``,
``env`` (in whose values ``{rank}`` is the rank), ``argv`` and ``family`` (whether its ranks are children that
multiprocessing started). Prints a JSON list for each job, with what each rank noted, how it ended (an exit status, the
negative number of a signal, or "hung") and after how many seconds. evaluate is imported once; every rank is forked from
there.
"""

import sys

if "--shim" in sys.argv:
    import compatshim
import json
import os
import shutil
import signal
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_EVALUATE_OFFLINE="1")
import datasets
import evaluate

Base = getattr(evaluate, "Metric", None) or evaluate.EvaluationModule
Info = getattr(evaluate, "MetricInfo", None) or evaluate.EvaluationModuleInfo
NUMBER = datasets.Features({"predictions": datasets.Value("int64")})
TEXT = datasets.Features({"predictions": datasets.Value("string")})


class Rows(Base):
    features_wanted = NUMBER
    then = None

    def _info(self):
        return Info(
            description="d", citation="c", inputs_description="i", features=self.features_wanted
        )

    def _compute(self, predictions):
        if self.then is not None:
            self.then()
        return summary(list(predictions))


class Texts(Rows):
    features_wanted = TEXT


def summary(rows):
    return {"rows": rows} if len(rows) <= 40 else {"n": len(rows), "first": rows[0], "last": rows[-1], "sum": sum(rows)}


class Rank:
    """What the code of a scenario can use."""

    def __init__(self, rank, world, folder, out):
        self.rank, self.world, self.folder, self.out = rank, world, folder, out

    def metric(self, kind=Rows, timeout=3, **options):
        made = kind(
            num_process=self.world,
            process_id=self.rank,
            cache_dir=os.path.join(self.folder, "cache"),
            timeout=timeout,
            **options
        )
        made.data_dir and os.makedirs(made.data_dir, exist_ok=True)
        return made

    def note(self, function, *args, **kwargs):
        start = time.monotonic()
        try:
            said = function(*args, **kwargs)
        except Exception as error:
            said = "%s: %s" % (type(error).__name__, error)
        line = json.dumps([said, round(time.monotonic() - start, 2)]) + "\n"
        os.write(self.out, line.encode())
        return said

    def rows(self, metric, rows):
        metric.add_batch(predictions=rows)
        return self.note(metric.compute)

    def mark(self, name):
        open(os.path.join(self.folder, "mark-" + name), "w").close()

    def until(self, name):
        while not os.path.exists(os.path.join(self.folder, "mark-" + name)):
            time.sleep(0.01)

    def meet(self, name):
        self.mark("%s-%d" % (name, self.rank))
        for rank in range(self.world):
            self.until("%s-%d" % (name, rank))

    def kill(self, number=signal.SIGKILL):
        os.kill(os.getpid(), number)
        time.sleep(3600)


def play(rank, world, code, argv, env, folder, path):
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.argv = [word.replace("{rank}", str(rank)) for word in argv]
    for name, value in env.items():
        os.environ[name] = value.replace("{rank}", str(rank))
    os.chdir(folder)
    me = Rank(rank, world, folder, out)
    names = {name: getattr(me, name) for name in dir(me) if not name.startswith("_")}
    exec(
        compile(code, "scenario", "exec"),
        {**names, "os": os, "time": time, "signal": signal, "sys": sys, "evaluate": evaluate, "datasets": datasets,
         "Rows": Rows, "Texts": Texts, "me": me},
    )


def fork(function, *args):
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        function(*args)
        status = 0
    except BaseException as error:
        if isinstance(error, SystemExit):
            status = error.code or 0
        else:
            sys.stderr.write("%s: %s\n" % (type(error).__name__, error))
    finally:
        import atexit

        atexit._run_exitfuncs()
        os._exit(status)


def family(job, folder, report):
    """The head of a job whose ranks multiprocessing starts."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    processes = []
    for rank in range(job["world"]):
        args = (rank, job["world"], job["code"], job["argv"], job["env"], folder, report % rank)
        processes.append(context.Process(target=play, args=args))
        processes[-1].start()
    for rank, process in enumerate(processes):
        process.join()
        with open(report % rank + "-status", "w") as file:
            file.write(str(process.exitcode))


def main():
    for line in sys.stdin:
        request = json.loads(line)
        folder = tempfile.mkdtemp()
        shared = {"folder": folder}
        start, ended, running, heads = time.monotonic(), {}, {}, []
        for number, job in enumerate(request["jobs"]):
            report = os.path.join(folder, "job%d-rank%%d" % number)
            if job.get("family"):
                process = fork(lambda: (os.setpgid(0, 0), family(job, folder, report)))
                heads.append((process, number))
                running[process] = (number, None)
            else:
                for rank in range(job["world"]):
                    process = fork(play, rank, job["world"], job["code"], job["argv"], job["env"], folder, report % rank)
                    running[process] = (number, rank)
        while running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                if time.monotonic() - start > request["limit"]:
                    for one, (number, rank) in running.items():
                        if rank is None:
                            os.killpg(one, signal.SIGKILL)
                        os.kill(one, signal.SIGKILL)
                        os.waitpid(one, 0)
                        ended[number, rank] = ("hung", request["limit"])
                    break
                time.sleep(0.005)
                continue
            number, rank = running.pop(process)
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            ended[number, rank] = (code, round(time.monotonic() - start, 2))
        answer = []
        for number, job in enumerate(request["jobs"]):
            ranks = []
            for rank in range(job["world"]):
                path = os.path.join(folder, "job%d-rank%d" % (number, rank))
                code, seconds = ended.get((number, rank)) or ended[number, None]
                if (number, None) in ended:
                    try:
                        code = int(open(path + "-status").read())
                    except FileNotFoundError:
                        code = "hung"
                notes = [json.loads(one) for one in open(path)] if os.path.exists(path) else []
                ranks.append({"notes": [one[0] for one in notes], "took": [one[1] for one in notes], "code": code, "seconds": seconds})
            answer.append(ranks)
        left = sorted(name for _, _, names in os.walk(os.path.join(folder, "cache")) for name in names)
        shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps({"jobs": answer, "left": left}), flush=True)


if __name__ == "__main__":
    main()
