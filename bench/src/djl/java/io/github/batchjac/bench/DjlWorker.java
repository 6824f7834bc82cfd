package io.github.batchjac.bench;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.batchjac.tensor.ElementType;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * DJL on libtorch, by hand: it has no Jacobians, and few operations that write into an array of the caller's, so most calls
 * make their results anew and free them (the C library keeps the memory).
 */
final class DjlWorker extends Worker {
    private final int threads;
    private @Nullable NDManager manager;
    private Map<String, NDArray> inputs = Map.of();
    private DjlFormulas formula = i -> Map.of();

    DjlWorker(int threads) {
        this.threads = threads;
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        System.setProperty("ai.djl.pytorch.num_interop_threads", Integer.toString(threads));
    }

    @Override
    String load(Item item, Precision precision, Map<String, Tensor> files) {
        if (manager != null) {
            manager.close();
        }
        NDManager now = NDManager.newBaseManager(Device.cpu());
        manager = now;
        inputs = new HashMap<>();
        files.forEach((name, tensor) -> inputs.put(name, array(now, tensor)));
        DjlFormulas found = DjlFormulas.named(item.formula(), now, inputs);
        if (found == null) {
            return "no formula by hand in DJL for " + item.formula();
        }
        formula = found;
        describe("DJL, libtorch " + Engine.getInstance().getVersion() + ", " + threads + " threads");
        return "";
    }

    private static NDArray array(NDManager manager, Tensor tensor) {
        Shape shape = new Shape(tensor.shape().axes());
        return tensor.type() == ElementType.F32
                ? manager.create(FloatBuffer.wrap(tensor.floats()), shape, DataType.FLOAT32)
                : manager.create(DoubleBuffer.wrap(tensor.doubles()), shape, DataType.FLOAT64);
    }

    @Override
    Map<String, Tensor> results() {
        run(); // twice: what is reused must come out right again
        Map<String, Tensor> results = new LinkedHashMap<>();
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            formula.call(inputs).forEach((name, array) -> {
                long[] axes = array.getShape().getShape();
                results.put(
                        name,
                        array.getDataType() == DataType.FLOAT32
                                ? Tensor.of(array.toFloatArray(), axes)
                                : Tensor.of(array.toDoubleArray(), axes));
            });
        }
        return results;
    }

    @Override
    void run() {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            formula.call(inputs);
        }
    }
}
