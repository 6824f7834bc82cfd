"""The worker's end of the line protocol that the driver speaks (see Worker.java), for contenders in Python.

A contender hands `serve` a function `build(formula, inputs)`. It returns None for a formula it does not have, else a pair:
`run()`, which is timed and waits until its results are there, and `results()`, a dict of NumPy arrays by result's name.
"""

import glob
import os
import statistics
import sys
import time

import numpy as np

BATCH_NS = 500_000


def read(folder):
    return {os.path.basename(path)[:-4]: np.load(path) for path in glob.glob(os.path.join(folder, "*.npy"))}


def nanoseconds(milliseconds, run):
    """The median, over batches of calls, of the nanoseconds per call."""
    begin = time.perf_counter_ns()
    run()
    once = max(1, time.perf_counter_ns() - begin)
    calls = max(1, BATCH_NS // once)
    end = begin + milliseconds * 1e6
    batches = []
    while True:
        start = time.perf_counter_ns()
        for _ in range(calls):
            run()
        took = time.perf_counter_ns() - start
        batches.append(took / calls)
        if took < BATCH_NS / 2:
            calls *= 2  # faster than the first, cold call
        if time.perf_counter_ns() >= end:
            return statistics.median(batches)


def serve(build, description, step_of=lambda array, step: array[::step]):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    run = results = None
    for line in sys.stdin:
        words = line.split(None, 4)
        if not words or words[0] == "quit":
            break
        try:
            if words[0] == "load":
                run = results = None
                formula = words[1].split("/")[0]
                built = build(formula, read(words[4].strip()))
                if built is None:
                    answer = "missing no such formula here: " + formula
                else:
                    run, results = built
                    answer = "ready " + description
            elif words[0] == "check":
                os.makedirs(words[1], exist_ok=True)
                run()
                run()  # twice: what is reused must come out right again
                for name, array in results().items():
                    np.save(os.path.join(words[1], name + ".npy"), np.ascontiguousarray(step_of(array, int(words[2]))))
                answer = "done"
            elif words[0] == "time":
                answer = repr(nanoseconds(float(words[1]), run))
            else:
                answer = "failed what is " + words[0] + "?"
        except Exception as e:  # the driver reports it and goes on
            answer = "failed " + type(e).__name__ + ": " + str(e).replace("\n", " ")[:300]
        answers.write(answer + "\n")
        answers.flush()
