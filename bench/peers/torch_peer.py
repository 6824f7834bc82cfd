"""PyTorch: `vmap`, what its autodiff does; `hand`, the best formulas we know; `whole`, those that write every entry on every call;
`compiled`, those through torch.compile.

torch_peer.py vmap|hand|whole|compiled THREADS [cpu|cuda]
"""

import os
import sys

KIND, THREADS = sys.argv[1], int(sys.argv[2])
DEVICE = sys.argv[3] if len(sys.argv) > 3 else "cpu"
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # torch splits products itself; with two kinds of threads it is up to ten times slower

import torch

import by_hand
import worker

torch.set_num_threads(THREADS)

try:
    from torch.func import grad, jacrev, vmap
except ImportError:
    try:
        from functorch import grad, jacrev, vmap
    except ImportError:
        grad = jacrev = vmap = None


# Autodiff: a function of one sample, and what it is differentiated with respect to.


def net(x, weights, tanh_last):
    count = len(weights) // 2
    for layer in range(count):
        x = weights[2 * layer] @ x + weights[2 * layer + 1]
        if layer < count - 1 or tanh_last:
            x = torch.tanh(x)
    return x


def cross_entropy(z, p):
    return torch.logsumexp(z, 0) * p.sum() - (p * z).sum()


def parameters(inputs):
    names = []
    while "W%d" % (len(names) // 2 + 1) in inputs:
        layer = len(names) // 2 + 1
        names += ["W%d" % layer, "b%d" % layer]
    return names


def by_vmap(formula, i):
    """A function of no arguments that returns the results by name."""
    if vmap is None:
        return None
    if formula.startswith("sigmoid-"):
        f = vmap(jacrev(torch.sigmoid))
        return lambda: {"x": f(i["x"])}
    if formula in ("softmax-jacobian", "softmax-structured"):
        f = vmap(jacrev(lambda x: torch.softmax(x, 0)))
        return lambda: {"x": f(i["x"])}
    if formula == "weight-jacobian":
        f = vmap(jacrev(lambda w, x: w @ x), in_dims=(None, 0))
        return lambda: {"W": f(i["W"], i["x"])}
    if formula == "outer-product":
        f = vmap(grad(lambda w, x, v: (v * (w @ x)).sum()), in_dims=(None, 0, 0))
        return lambda: {"W": f(i["W"], i["x"], i["cotangent"])}
    if formula == "mean-weight-gradient":
        f = grad(lambda w: (i["r"] * (i["x"] @ w.T)).sum(1).mean())
        return lambda: {"W": f(i["W"])}
    if formula == "softmax-ce-gradient":
        f = vmap(grad(cross_entropy))
        return lambda: {"x": f(i["x"], i["p"])}
    if formula == "matrix-product":
        return lambda: {"product": torch.einsum("bij,bjk->bik", i["left"], i["right"])}
    names = parameters(i)
    weights = tuple(i[name] for name in names)
    if formula == "mlp-jacobian":
        f = vmap(jacrev(lambda x: torch.softmax(net(x, weights, False), 0)))
        return lambda: {"x": f(i["x"])}
    if formula == "small-net-jacobian":
        f = vmap(jacrev(lambda x: net(x, weights, True)))
        return lambda: {"x": f(i["x"])}
    f = vmap(grad(lambda w, x, p: cross_entropy(net(x, w, False), p)), in_dims=(None, 0, 0))
    if formula == "mlp-sample-gradients":
        return lambda: dict(zip(names, f(weights, i["x"], i["p"])))
    if formula == "mlp-gradient-norms":
        return lambda: {"norm": sum(g.flatten(1).square().sum(1) for g in f(weights, i["x"], i["p"])).sqrt()}
    return None


# By hand. `out` keeps what is reused between calls; without it (compiled) everything is fresh.


def forward(i, tanh_last):
    names, h = parameters(i), [i["x"]]
    for k in range(0, len(names), 2):
        z = torch.addmm(i[names[k + 1]], h[-1], i[names[k]].T)
        h.append(torch.tanh(z) if k < len(names) - 2 or tanh_last else z)
    return names, h


def deltas(i):
    names, h = forward(i, False)
    layers = len(h) - 1
    delta = {layers: torch.softmax(h[layers], 1) * i["p"].sum(1, keepdim=True) - i["p"]}
    for k in range(layers - 1, 0, -1):
        delta[k] = (delta[k + 1] @ i["W%d" % (k + 1)]) * (1 - h[k] * h[k])
    return h, delta


def network_jacobian(i, out, softmax_head):
    names, h = forward(i, not softmax_head)
    layers = len(h) - 1
    last = i["W%d" % layers]
    if softmax_head:
        q = torch.softmax(h[-1], 1)
        panel = q[:, :, None] * (last[None] - (q @ last)[:, None, :])
    else:
        panel = (1 - h[-1] * h[-1])[:, :, None] * last[None]
    for k in range(layers - 1, 0, -1):
        w = i["W%d" % k]
        panel = panel.mul_((1 - h[k] * h[k])[:, None, :]) if out is not None else panel * (1 - h[k] * h[k])[:, None, :]
        flat = panel.reshape(-1, w.shape[0])
        if out is not None and k == 1:
            torch.mm(flat, w, out=out["x"].view(-1, w.shape[1]))
            return out
        panel = (flat @ w).reshape(len(panel), -1, w.shape[1])
    return {"x": panel}


def hand_sigmoid(i, out):
    s = torch.sigmoid(i["x"])
    d = s * (1 - s)
    if out is None:
        return {"x": torch.diag_embed(d)}
    out["x"].diagonal(dim1=1, dim2=2).copy_(d)
    return out


def hand_softmax(i, out):
    q = torch.softmax(i["x"], 1)
    if out is None:
        return {"x": torch.diag_embed(q) - q[:, :, None] * q[:, None, :]}
    torch.mul(q[:, :, None], -q[:, None, :], out=out["x"])
    out["x"].diagonal(dim1=1, dim2=2).add_(q)
    return out


def hand_weight_jacobian(i, out):
    x, m = i["x"], i["W"].shape[0]
    if out is None:
        return {"W": torch.eye(m, dtype=x.dtype, device=x.device)[None, :, :, None] * x[:, None, None, :]}
    out["W"].diagonal(dim1=1, dim2=2).copy_(x[:, :, None].expand(-1, -1, m))
    return out


def hand_outer_product(i, out):
    v, x = i["cotangent"], i["x"]
    if out is None:
        return {"W": v[:, :, None] * x[:, None, :]}
    torch.mul(v[:, :, None], x[:, None, :], out=out["W"])
    return out


def hand_mean_weight_gradient(i, out):
    w = i["W"]
    return {"W": torch.addmm(w, i["r"].T, i["x"], beta=0, alpha=1 / len(i["x"]))}


def hand_softmax_ce_gradient(i, out):
    return {"x": torch.softmax(i["x"], 1) * i["p"].sum(1, keepdim=True) - i["p"]}


def hand_matrix_product(i, out):
    if out is None:
        return {"product": torch.bmm(i["left"], i["right"])}
    torch.bmm(i["left"], i["right"], out=out["product"])
    return out


def hand_mlp_sample_gradients(i, out):
    h, delta = deltas(i)
    results = {}
    for k, d in delta.items():
        results["b%d" % k] = d
        if out is None:
            results["W%d" % k] = d[:, :, None] * h[k - 1][:, None, :]
        else:
            results["W%d" % k] = torch.mul(d[:, :, None], h[k - 1][:, None, :], out=out["W%d" % k])
    return results


def hand_mlp_gradient_norms(i, out):
    h, delta = deltas(i)
    return {"norm": sum((d * d).sum(1) * ((h[k - 1] * h[k - 1]).sum(1) + 1) for k, d in delta.items()).sqrt()}


HAND = {
    "sigmoid-jacobian": hand_sigmoid,
    "sigmoid-structured": hand_sigmoid,
    "softmax-jacobian": hand_softmax,
    "softmax-structured": hand_softmax,
    "weight-jacobian": hand_weight_jacobian,
    "outer-product": hand_outer_product,
    "mean-weight-gradient": hand_mean_weight_gradient,
    "softmax-ce-gradient": hand_softmax_ce_gradient,
    "matrix-product": hand_matrix_product,
    "mlp-jacobian": lambda i, out: network_jacobian(i, out, True),
    "small-net-jacobian": lambda i, out: network_jacobian(i, out, False),
    "mlp-sample-gradients": hand_mlp_sample_gradients,
    "mlp-gradient-norms": hand_mlp_gradient_norms,
}


def build(formula, arrays):
    inputs = {name: torch.from_numpy(a).to(DEVICE) for name, a in arrays.items()}
    if KIND == "vmap":
        call = by_vmap(formula, inputs)
    elif formula not in HAND or (KIND == "whole" and formula not in by_hand.SPARSE):
        call = None
    elif KIND == "compiled":
        compiled = torch.compile(HAND[formula])
        call = lambda: compiled(inputs, None)
    else:
        with torch.no_grad():
            out = {k: torch.zeros_like(v) for k, v in HAND[formula](inputs, None).items()}

        def call():
            if KIND == "whole":
                for result in out.values():
                    result.zero_()
            return HAND[formula](inputs, out)

    if call is None:
        return None
    last = {}

    def run():
        if KIND == "vmap":
            last["results"] = call()
        else:
            with torch.no_grad():
                last["results"] = call()
        if DEVICE != "cpu":
            torch.cuda.synchronize()

    return run, lambda: {k: v.detach().cpu().numpy() for k, v in last["results"].items()}


def description():
    if DEVICE != "cpu":
        return "PyTorch " + torch.__version__ + ", " + torch.cuda.get_device_name()
    return "PyTorch " + torch.__version__ + ", " + str(torch.get_num_threads()) + " threads"


if __name__ == "__main__":
    if KIND == "compiled" and not hasattr(torch, "compile"):
        worker.serve(lambda formula, arrays: None, "PyTorch " + torch.__version__ + " has no torch.compile")
    else:
        worker.serve(build, description())
