"""The best formulas we know for arrays in NumPy's manner, everything preallocated and reused: zeros are written once.

`xp` is numpy or cupy. Each function takes the inputs and returns `run` and the results by name.
"""


def sigmoid_jacobian(xp, x):
    batch, d = x.shape
    out = xp.zeros((batch, d, d), x.dtype)
    diagonal = out.reshape(batch, d * d)[:, :: d + 1]
    s, t = xp.empty_like(x), xp.empty_like(x)

    def run():
        xp.negative(x, out=t)
        xp.exp(t, out=t)
        xp.add(t, 1, out=t)
        xp.divide(1, t, out=s)
        xp.subtract(1, s, out=t)
        xp.multiply(s, t, out=t)
        diagonal[...] = t

    return run, {"x": out}


class Softmax:
    """q = softmax(x), in buffers of its own."""

    def __init__(self, xp, x):
        self.xp, self.x = xp, x
        self.q = xp.empty_like(x)
        self.row = xp.empty((x.shape[0], 1), x.dtype)

    def __call__(self):
        xp, q, row = self.xp, self.q, self.row
        xp.amax(self.x, axis=1, keepdims=True, out=row)
        xp.subtract(self.x, row, out=q)
        xp.exp(q, out=q)
        xp.sum(q, axis=1, keepdims=True, out=row)
        xp.divide(q, row, out=q)
        return q


def softmax_jacobian(xp, x):
    batch, d = x.shape
    out = xp.empty((batch, d, d), x.dtype)
    diagonal = out.reshape(batch, d * d)[:, :: d + 1]
    softmax, minus = Softmax(xp, x), xp.empty_like(x)

    def run():
        q = softmax()
        xp.negative(q, out=minus)
        xp.multiply(q[:, :, None], minus[:, None, :], out=out)
        diagonal[...] += q

    return run, {"x": out}


def weight_jacobian(xp, x, W):
    batch, n = x.shape
    m = W.shape[0]
    out = xp.zeros((batch, m, m, n), x.dtype)
    copies = out.reshape(batch, m * m, n)[:, :: m + 1]

    def run():
        copies[...] = x[:, None, :]

    return run, {"W": out}


def outer_product(xp, x, cotangent, W):
    out = xp.empty((len(x),) + W.shape, x.dtype)

    def run():
        xp.multiply(cotangent[:, :, None], x[:, None, :], out=out)

    return run, {"W": out}


def mean_weight_gradient(xp, x, r, W):
    out = xp.empty_like(W)

    def run():
        xp.matmul(r.T, x, out=out)
        xp.multiply(out, 1 / len(x), out=out)

    return run, {"W": out}


def softmax_ce_gradient(xp, x, p):
    out = xp.empty_like(x)
    softmax = Softmax(xp, x)
    total = xp.empty((len(x), 1), x.dtype)

    def run():
        q = softmax()
        xp.sum(p, axis=1, keepdims=True, out=total)
        xp.multiply(q, total, out=out)
        xp.subtract(out, p, out=out)

    return run, {"x": out}


def matrix_product(xp, left, right):
    out = xp.empty_like(left)

    def run():
        xp.matmul(left, right, out=out)

    return run, {"product": out}


class Layers:
    """tanh layers, the last linear; keeps the values, and 1 - h² of every tanh."""

    def __init__(self, xp, inputs, tanh_last):
        self.xp, self.x, self.tanh_last = xp, inputs["x"], tanh_last
        self.W, self.b = [], []
        while "W%d" % (len(self.W) + 1) in inputs:
            layer = len(self.W) + 1
            self.W.append(inputs["W%d" % layer])
            self.b.append(inputs["b%d" % layer])
        rows = len(self.x)
        self.h = [xp.empty((rows, len(w)), self.x.dtype) for w in self.W]
        self.slope = [xp.empty_like(h) for h in self.h]

    def __call__(self):
        xp, below = self.xp, self.x
        for k, (w, b, h, slope) in enumerate(zip(self.W, self.b, self.h, self.slope)):
            xp.matmul(below, w.T, out=h)
            xp.add(h, b, out=h)
            if k < len(self.W) - 1 or self.tanh_last:
                xp.tanh(h, out=h)
                xp.multiply(h, h, out=slope)
                xp.subtract(1, slope, out=slope)
            below = h


def mlp_jacobian(xp, **inputs):
    return network_jacobian(xp, inputs, softmax_head=True)


def small_net_jacobian(xp, **inputs):
    return network_jacobian(xp, inputs, softmax_head=False)


def network_jacobian(xp, inputs, softmax_head):
    """From the output back; the batch's rows of a layer are one matrix product."""
    net = Layers(xp, inputs, tanh_last=not softmax_head)
    batch, outputs = net.h[-1].shape
    softmax = Softmax(xp, net.h[-1])
    panels = [xp.empty((batch, outputs, w.shape[1]), net.x.dtype) for w in net.W]
    mixed = xp.empty((batch, net.W[-1].shape[1]), net.x.dtype)

    def run():
        net()
        panel, last = panels[-1], net.W[-1]
        if softmax_head:
            q = softmax()
            xp.matmul(q, last, out=mixed)
            xp.subtract(last[None], mixed[:, None, :], out=panel)
            xp.multiply(panel, q[:, :, None], out=panel)
        else:
            xp.multiply(last[None], net.slope[-1][:, :, None], out=panel)
        for k in range(len(net.W) - 2, -1, -1):
            xp.multiply(panel, net.slope[k][:, None, :], out=panel)
            width = net.W[k].shape
            xp.matmul(panel.reshape(-1, width[0]), net.W[k], out=panels[k].reshape(-1, width[1]))
            panel = panels[k]

    return run, {"x": panels[0]}


class Deltas:
    """The gradient with respect to every layer's output before its function, of softmax cross-entropy."""

    def __init__(self, xp, inputs):
        self.xp, self.p = xp, inputs["p"]
        self.net = Layers(xp, inputs, tanh_last=False)
        self.softmax = Softmax(xp, self.net.h[-1])
        self.delta = [xp.empty_like(h) for h in self.net.h]
        self.total = xp.empty((len(self.p), 1), self.p.dtype)

    def __call__(self):
        xp, net, delta = self.xp, self.net, self.delta
        net()
        xp.sum(self.p, axis=1, keepdims=True, out=self.total)
        xp.multiply(self.softmax(), self.total, out=delta[-1])
        xp.subtract(delta[-1], self.p, out=delta[-1])
        for k in range(len(delta) - 2, -1, -1):
            xp.matmul(delta[k + 1], net.W[k + 1], out=delta[k])
            xp.multiply(delta[k], net.slope[k], out=delta[k])

    def below(self, k):
        return self.net.x if k == 0 else self.net.h[k - 1]


def mlp_sample_gradients(xp, **inputs):
    deltas = Deltas(xp, inputs)
    outs = {}
    for k, w in enumerate(deltas.net.W):
        outs["W%d" % (k + 1)] = xp.empty((len(deltas.p),) + w.shape, w.dtype)
        outs["b%d" % (k + 1)] = deltas.delta[k]

    def run():
        deltas()
        for k, delta in enumerate(deltas.delta):
            xp.multiply(delta[:, :, None], deltas.below(k)[:, None, :], out=outs["W%d" % (k + 1)])

    return run, outs


def mlp_gradient_norms(xp, **inputs):
    """‖δ xᵀ‖² + ‖δ‖² = ‖δ‖²(‖x‖² + 1): the gradients themselves are never formed."""
    deltas = Deltas(xp, inputs)
    out = xp.empty(len(deltas.p), deltas.p.dtype)

    def run():
        deltas()
        out.fill(0)
        for k, delta in enumerate(deltas.delta):
            x = deltas.below(k)
            xp.add(out, xp.einsum("bi,bi->b", delta, delta) * (xp.einsum("bi,bi->b", x, x) + 1), out=out)
        xp.sqrt(out, out=out)

    return run, {"norm": out}


# A library without structures must write out what we leave in parts.
sigmoid_structured = sigmoid_jacobian
softmax_structured = softmax_jacobian


# Formulas that leave zeros where they are.
SPARSE = {"sigmoid-jacobian", "sigmoid-structured", "weight-jacobian"}


def build(xp, formula, inputs, whole=False):
    """whole: those of SPARSE alone, with the zeros written again on every call, as who owns no output must."""
    function = globals().get(formula.replace("-", "_"))
    if function is None or (whole and formula not in SPARSE):
        return None
    run, results = function(xp, **inputs)
    if not whole:
        return run, results

    def run_whole():
        for result in results.values():
            result.fill(0)
        run()

    return run_whole, results
