"""JAX, compiled: `vmap`, its autodiff; `hand`, the best formulas we know. On whatever device JAX chooses.

jax_peer.py vmap|hand THREADS
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

import worker

jax.config.update("jax_enable_x64", True)  # float32 arrays stay float32
jax.config.update("jax_default_matmul_precision", "highest")  # no TF32: everybody computes in full float32


def net(x, weights, tanh_last):
    count = len(weights) // 2
    for k in range(count):
        x = weights[2 * k] @ x + weights[2 * k + 1]
        if k < count - 1 or tanh_last:
            x = jnp.tanh(x)
    return x


def cross_entropy(z, p):
    return jax.scipy.special.logsumexp(z) * p.sum() - (p * z).sum()


def parameters(inputs):
    layers = sum(name[0] == "W" and name[1:].isdigit() for name in inputs)
    return [kind + str(k + 1) for k in range(layers) for kind in "Wb"]


def by_vmap(formula, i):
    """A function of all inputs that returns the results by name."""
    vmap, jacrev, grad = jax.vmap, jax.jacrev, jax.grad
    names = parameters(i)
    if formula.startswith("sigmoid-"):
        return lambda i: {"x": vmap(jacrev(jax.nn.sigmoid))(i["x"])}
    if formula in ("softmax-jacobian", "softmax-structured"):
        return lambda i: {"x": vmap(jacrev(jax.nn.softmax))(i["x"])}
    if formula == "weight-jacobian":
        return lambda i: {"W": vmap(jacrev(lambda w, x: w @ x), (None, 0))(i["W"], i["x"])}
    if formula == "outer-product":
        f = grad(lambda w, x, v: v @ (w @ x))
        return lambda i: {"W": vmap(f, (None, 0, 0))(i["W"], i["x"], i["cotangent"])}
    if formula == "mean-weight-gradient":
        return lambda i: {"W": grad(lambda w: (i["r"] * (i["x"] @ w.T)).sum(1).mean())(i["W"])}
    if formula == "softmax-ce-gradient":
        return lambda i: {"x": vmap(grad(cross_entropy))(i["x"], i["p"])}
    if formula == "matrix-product":
        return lambda i: {"product": i["left"] @ i["right"]}
    if formula == "mlp-jacobian":
        f = lambda x, w: jax.nn.softmax(net(x, w, False))
        return lambda i: {"x": vmap(jacrev(f), (0, None))(i["x"], [i[n] for n in names])}
    if formula == "small-net-jacobian":
        f = lambda x, w: net(x, w, True)
        return lambda i: {"x": vmap(jacrev(f), (0, None))(i["x"], [i[n] for n in names])}
    gradients = vmap(grad(lambda w, x, p: cross_entropy(net(x, w, False), p)), (None, 0, 0))
    if formula == "mlp-sample-gradients":
        return lambda i: dict(zip(names, gradients([i[n] for n in names], i["x"], i["p"])))
    if formula == "mlp-gradient-norms":
        square = lambda g: jnp.sum(jnp.square(g.reshape(len(g), -1)), 1)
        return lambda i: {"norm": jnp.sqrt(sum(map(square, gradients([i[n] for n in names], i["x"], i["p"]))))}
    return None


def forward(i, tanh_last):
    h, layers = [i["x"]], len(parameters(i)) // 2
    for k in range(1, layers + 1):
        z = h[-1] @ i["W%d" % k].T + i["b%d" % k]
        h.append(jnp.tanh(z) if k < layers or tanh_last else z)
    return h


def deltas(i):
    h = forward(i, False)
    last = len(h) - 1
    delta = {last: jax.nn.softmax(h[last]) * i["p"].sum(1, keepdims=True) - i["p"]}
    for k in range(last - 1, 0, -1):
        delta[k] = (delta[k + 1] @ i["W%d" % (k + 1)]) * (1 - h[k] * h[k])
    return h, delta


def diagonal(d):
    return jnp.where(jnp.eye(d.shape[1], dtype=bool)[None], d[:, :, None], 0)


def hand_sigmoid(i):
    s = jax.nn.sigmoid(i["x"])
    return {"x": diagonal(s * (1 - s))}


def hand_softmax(i):
    q = jax.nn.softmax(i["x"])
    return {"x": diagonal(q) - q[:, :, None] * q[:, None, :]}


def hand_weight_jacobian(i):
    m = len(i["W"])
    return {"W": jnp.where(jnp.eye(m, dtype=bool)[None, :, :, None], i["x"][:, None, None, :], 0)}


def network_jacobian(i, softmax_head):
    h = forward(i, not softmax_head)
    last = i["W%d" % (len(h) - 1)]
    if softmax_head:
        q = jax.nn.softmax(h[-1])
        panel = q[:, :, None] * (last[None] - (q @ last)[:, None, :])
    else:
        panel = (1 - h[-1] * h[-1])[:, :, None] * last[None]
    for k in range(len(h) - 2, 0, -1):
        panel = (panel * (1 - h[k] * h[k])[:, None, :]) @ i["W%d" % k]
    return {"x": panel}


def hand_gradients(i):
    h, delta = deltas(i)
    outer = {"W%d" % k: d[:, :, None] * h[k - 1][:, None, :] for k, d in delta.items()}
    return {**outer, **{"b%d" % k: d for k, d in delta.items()}}


def hand_norms(i):
    h, delta = deltas(i)
    return {"norm": jnp.sqrt(sum((d * d).sum(1) * ((h[k - 1] * h[k - 1]).sum(1) + 1) for k, d in delta.items()))}


HAND = {
    "sigmoid-jacobian": hand_sigmoid,
    "sigmoid-structured": hand_sigmoid,
    "softmax-jacobian": hand_softmax,
    "softmax-structured": hand_softmax,
    "weight-jacobian": hand_weight_jacobian,
    "outer-product": lambda i: {"W": i["cotangent"][:, :, None] * i["x"][:, None, :]},
    "mean-weight-gradient": lambda i: {"W": i["r"].T @ i["x"] / len(i["x"])},
    "softmax-ce-gradient": lambda i: {"x": jax.nn.softmax(i["x"]) * i["p"].sum(1, keepdims=True) - i["p"]},
    "matrix-product": lambda i: {"product": i["left"] @ i["right"]},
    "mlp-jacobian": lambda i: network_jacobian(i, True),
    "small-net-jacobian": lambda i: network_jacobian(i, False),
    "mlp-sample-gradients": hand_gradients,
    "mlp-gradient-norms": hand_norms,
}


def build(formula, arrays):
    inputs = {name: jnp.asarray(a) for name, a in arrays.items()}
    function = HAND.get(formula) if sys.argv[1] == "hand" else by_vmap(formula, inputs)
    if function is None:
        return None
    compiled, last = jax.jit(function), {}

    def run():
        last["results"] = jax.block_until_ready(compiled(inputs))

    return run, lambda: {name: np.asarray(a) for name, a in last["results"].items()}


if __name__ == "__main__":
    worker.serve(build, "JAX " + jax.__version__ + ", " + str(jax.devices()[0]))
