package io.github.batchjac.bench;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** This library's items under JMH: profilers, garbage, distributions. A wrong result ends the trial before it is timed. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH sets fields
public class DerivativeBenchmark {
    /** One of {@link Items}. */
    @Param({
        "sigmoid-jacobian/128",
        "softmax-jacobian/128",
        "softmax-structured/1024",
        "weight-jacobian/32x64",
        "outer-product/128x256",
        "mean-weight-gradient/128x256",
        "softmax-ce-gradient/32",
        "matrix-product/32",
        "mlp-jacobian/784-256-128-10",
        "mlp-gradient-norms/784-256-128-10",
        "small-net-jacobian/10-16-4"
    })
    public String item;

    @Param({"float32", "float64"})
    public String precision;

    /** 0: the item's own. */
    @Param("0")
    public int batch;

    /** As {@code --device} takes it. */
    @Param("cpu")
    public String backend;

    /** 0: one per processor. */
    @Param("0")
    public int threads;

    private Backend opened;
    private Prepared prepared;

    @Setup(Level.Trial)
    public void prepare() {
        Item chosen = Items.named(item, batch);
        Precision in = Worker.precision(precision);
        opened = Backends.choose(backend, threads);
        prepared = Prepared.of(chosen, in, opened, chosen.files(in));
        Reference reference = Reference.of(chosen, chosen.files(Precision.F64));
        Map<String, Tensor> results = prepared.results();
        if (reference.step() > 1) {
            results.replaceAll((name, tensor) -> Item.every(reference.step(), tensor));
        }
        Reference.Verdict verdict = reference.compare(results, in);
        if (!verdict.right()) {
            throw new IllegalStateException(chosen + ": " + verdict.fault());
        }
    }

    /** One run of a prepared program, into arrays that are reused. */
    @Benchmark
    public void run() {
        prepared.run();
    }

    @TearDown(Level.Trial)
    public void close() {
        prepared.close();
        opened.close();
    }
}
