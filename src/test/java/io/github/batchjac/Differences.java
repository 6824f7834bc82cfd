package io.github.batchjac;

import io.github.batchjac.Graphs.Case;
import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Program;
import io.github.batchjac.graph.Op;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Jacobians from values alone: central differences {@code T(h) = (f(x+h) − f(x−h))/2h} at three steps, extrapolated to
 * h → 0 (Richardson): {@code R₁(h) = (4T(h/2) − T(h))/3}, {@code R₂ = (16R₁(h/2) − R₁(h))/15}, of error O(h⁶).
 */
final class Differences {
    /** Powers of two: with float32 inputs, x ± h is exact. */
    private static final double[] STEPS = {0x1p-10, 0x1p-11, 0x1p-12};

    /** Σ|weight|/h over the values in R₂: {@code (64·2¹² + 20·2¹¹ + 2¹⁰)/45}. */
    private static final double AMPLIFICATION = 6760;

    /** Values are taken to be exact within this many units of roundoff of the largest of them. */
    private static final double VALUE_ROUNDOFFS = 64;

    /**
     * An estimate with a bound on its error.
     *
     * @param values (B, outputs, inputs)
     * @param bounds {@code |R₂ − R₁(h/2)|}, which bounds the error of R₁(h/2) and R₂ is closer, and what rounding of the values
     *     can do to R₂: {@link #AMPLIFICATION} times theirs
     */
    record Estimate(double[] values, double[] bounds) {}

    private final Case c;
    private final String name;
    private final int batch;
    private final Program program;
    private final int outputs;

    private Differences(Program program, Case c, String name, int batch) {
        this.program = program;
        this.c = c;
        this.name = name;
        this.batch = batch;
        this.outputs = c.graph().output().size();
    }

    /** ∂output/∂name for every sample. */
    static Estimate jacobian(Backend backend, Case c, String name, int batch) {
        try (Program program =
                backend.prepare(Plan.of(c.graph(), Request.forward(), Runs.workload(batch, Precision.F64)))) {
            return new Differences(program, c, name, batch).jacobian();
        }
    }

    private Estimate jacobian() {
        int inputs = c.graph().named(name).size();
        double[] values = new double[batch * outputs * inputs];
        double[] bounds = new double[values.length];
        for (int j = 0; j < inputs; j++) {
            double[][] up = new double[STEPS.length][];
            double[][] down = new double[STEPS.length][];
            for (int s = 0; s < STEPS.length; s++) {
                up[s] = shifted(j, STEPS[s]);
                down[s] = shifted(j, -STEPS[s]);
            }
            for (int i = 0; i < batch * outputs; i++) {
                double[] t = new double[STEPS.length];
                double size = 0;
                for (int s = 0; s < t.length; s++) {
                    t[s] = (up[s][i] - down[s][i]) / (2 * STEPS[s]);
                    size = Math.max(size, Math.max(Math.abs(up[s][i]), Math.abs(down[s][i])));
                }
                double coarse = (4 * t[1] - t[0]) / 3;
                double fine = (4 * t[2] - t[1]) / 3;
                double best = (16 * fine - coarse) / 15;
                values[i * inputs + j] = best;
                bounds[i * inputs + j] = Math.abs(best - fine)
                        + AMPLIFICATION * VALUE_ROUNDOFFS * Precision.F64.unitRoundoff() * (size + 1);
            }
        }
        return new Estimate(values, bounds);
    }

    /** The outputs of all samples with component j of the input or parameter moved by h. */
    private double[] shifted(int j, double h) {
        Map<String, Tensor> inputs = new LinkedHashMap<>(c.inputs(program, batch));
        if (inputs.containsKey(name)) {
            Tensor x = inputs.get(name).copy();
            int size = x.shape().tail().size();
            for (int b = 0; b < batch; b++) {
                x.doubles()[b * size + j] += h;
            }
            inputs.put(name, x);
        } else {
            Tensor parameter = ((Op.Parameter) c.graph().named(name).op())
                    .value()
                    .to(Precision.F64)
                    .copy();
            parameter.doubles()[j] += h;
            program.bind(name, parameter);
        }
        return Runs.numbers(program.run(inputs).get(Request.VALUE));
    }
}
