"""NumPy: `seed`, the einsum formulas that the library grew from, as the notes' readers write them; `hand`, the best we know; `whole`,
those that write every entry on every call.

numpy_peer.py seed|hand|whole THREADS
"""

import os
import sys

THREADS = sys.argv[2]
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[variable] = THREADS

import numpy as np

import by_hand
import worker


def softmax(x):
    e = np.exp(x)
    return e / np.sum(e, axis=1, keepdims=True)


def dense_diagonal(d):
    return np.einsum("bi,ij->bij", d, np.eye(d.shape[1], dtype=d.dtype))


def dense_softmax(q):
    return np.subtract(dense_diagonal(q), np.einsum("bi,bj->bij", q, q))


def layers(inputs):
    """Values of all layers, x first."""
    values, layer = [inputs["x"]], 1
    while "W%d" % layer in inputs:
        z = np.einsum("ij,bj->bi", inputs["W%d" % layer], values[-1]) + inputs["b%d" % layer]
        layer += 1
        values.append(np.tanh(z) if "W%d" % layer in inputs else z)
    return values


def seed_sigmoid_jacobian(x):
    s = 1 / (1 + np.exp(-x))
    return {"x": dense_diagonal(s * (1 - s))}


def seed_softmax_jacobian(x):
    return {"x": dense_softmax(softmax(x))}


def seed_weight_jacobian(x, W):
    return {"W": np.einsum("ij,bk->bijk", np.eye(len(W), dtype=x.dtype), x)}


def seed_outer_product(x, cotangent, W):
    return {"W": np.einsum("bi,bj->bij", cotangent, x)}


def seed_softmax_ce_gradient(x, p):
    q = softmax(x)
    return {"x": np.einsum("bi,bij->bj", -p / q, dense_softmax(q))}


def seed_matrix_product(left, right):
    return {"product": np.einsum("bij,bjk->bik", left, right)}


def seed_mlp_jacobian(**inputs):
    values = layers(inputs)
    return chain(inputs, values, dense_softmax(softmax(values[-1])))


def seed_small_net_jacobian(**inputs):
    values = layers(inputs)
    return chain(inputs, values, dense_diagonal(1 - np.tanh(values[-1]) ** 2))


def chain(inputs, values, jacobian):
    for layer in range(len(values) - 1, 0, -1):
        jacobian = np.einsum("bij,jk->bik", jacobian, inputs["W%d" % layer])
        if layer > 1:
            jacobian = np.einsum("bij,bjk->bik", jacobian, dense_diagonal(1 - values[layer - 1] ** 2))
    return {"x": jacobian}


def seed_mlp_sample_gradients(**inputs):
    values, gradients = layers(inputs), {}
    delta = softmax(values[-1]) * np.sum(inputs["p"], axis=1, keepdims=True) - inputs["p"]
    for layer in range(len(values) - 1, 0, -1):
        gradients["W%d" % layer] = np.einsum("bi,bj->bij", delta, values[layer - 1])
        gradients["b%d" % layer] = delta
        delta = np.einsum("bi,ij->bj", delta, inputs["W%d" % layer]) * (1 - values[layer - 1] ** 2)
    return gradients


def seed_mlp_gradient_norms(**inputs):
    gradients = seed_mlp_sample_gradients(**inputs)
    squares = [np.sum(np.square(g.reshape(len(g), -1)), axis=1) for g in gradients.values()]
    return {"norm": np.sqrt(np.sum(squares, axis=0))}


seed_sigmoid_structured = seed_sigmoid_jacobian
seed_softmax_structured = seed_softmax_jacobian


def build(formula, inputs):
    if sys.argv[1] != "seed":
        built = by_hand.build(np, formula, inputs, whole=sys.argv[1] == "whole")
        return built and (built[0], lambda: built[1])
    function = globals().get("seed_" + formula.replace("-", "_"))
    if function is None:
        return None
    last = {}

    def run():
        last["results"] = function(**inputs)

    return run, lambda: last["results"]


def blas():
    """Which library matrix products come from, as far as the process's memory map tells."""
    try:
        with open("/proc/self/maps") as maps:
            files = {line.split()[-1].rsplit("/", 1)[-1] for line in maps if "/" in line}
    except OSError:
        return "BLAS unknown"
    for name in ("openblas", "mkl_rt", "blis"):
        if any(name in file for file in files):
            return name
    return "reference BLAS: slow; apt install libopenblas0-pthread" if any("libblas" in f for f in files) else "BLAS unknown"


def description():
    np.ones((2, 2)) @ np.ones((2, 2))
    return "NumPy " + np.__version__ + ", " + blas() + ", " + THREADS + " threads"


if __name__ == "__main__":
    worker.serve(build, description())
