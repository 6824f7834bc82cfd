"""CuPy on the first GPU: the same formulas as NumPy's by hand; results stay on the device.

cupy_peer.py hand THREADS
"""

import cupy

import by_hand
import worker


def build(formula, inputs):
    built = by_hand.build(cupy, formula, {name: cupy.asarray(a) for name, a in inputs.items()})
    if built is None:
        return None
    once, outs = built

    def run():
        once()
        cupy.cuda.get_current_stream().synchronize()

    return run, lambda: {name: cupy.asnumpy(out) for name, out in outs.items()}


if __name__ == "__main__":
    device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    worker.serve(build, "CuPy " + cupy.__version__ + ", " + device)
