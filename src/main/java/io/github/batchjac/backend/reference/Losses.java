package io.github.batchjac.backend.reference;

import static io.github.batchjac.backend.reference.Forward.sum;

import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;

/** The losses of one sample and their gradients with respect to the prediction. A target of 0 adds 0 to an entropy. */
final class Losses {
    private Losses() {}

    /** The target as a vector: of a class index, the one-hot vector. */
    static double[] target(Value loss, double[] given) {
        if (!(loss.operand(0).op() instanceof Op.Input in && in.index())) {
            return given;
        }
        double[] oneHot = new double[loss.operand(1).size()];
        oneHot[(int) given[0]] = 1;
        return oneHot;
    }

    /** The loss. */
    static double value(Op.Loss loss, double[] target, double[] prediction) {
        int n = prediction.length;
        return switch (loss) {
            case SQUARED_ERROR -> 0.5 * sum(n, i -> (prediction[i] - target[i]) * (prediction[i] - target[i]));
            case CROSS_ENTROPY -> sum(n, i -> target[i] == 0 ? 0 : -target[i] * Math.log(prediction[i]));
            case SOFTMAX_CROSS_ENTROPY -> {
                SoftmaxRow row = new SoftmaxRow(prediction);
                yield sum(n, i -> target[i] == 0 ? 0 : target[i] * row.logSumExpMinus(i));
            }
        };
    }

    /** Component i of the gradient. */
    static double gradient(Op.Loss loss, double[] target, double[] prediction, int i) {
        return switch (loss) {
            case SQUARED_ERROR -> prediction[i] - target[i];
            case CROSS_ENTROPY -> target[i] == 0 ? 0 : -target[i] / prediction[i];
            case SOFTMAX_CROSS_ENTROPY -> softmaxCrossEntropyGradient(target, new SoftmaxRow(prediction), i);
        };
    }

    /** {@code (Σp)q_i − p_i} as {@code (Σ_{k≠i} p_k)q_i − p_i(1−q_i)}: for a class index one of the terms is 0. */
    private static double softmaxCrossEntropyGradient(double[] p, SoftmaxRow row, int i) {
        double others = sum(p.length, k -> k == i ? 0 : p[k]);
        return others * row.q(i) - p[i] * row.others(i);
    }
}
