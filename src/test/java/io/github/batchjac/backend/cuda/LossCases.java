package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.backend.cuda.BenchCase.Sum;
import io.github.batchjac.tensor.Precision;

/** Losses with their gradients. */
final class LossCases extends BenchCases {
    LossCases(Precision precision, boolean tiny, long room) {
        super(precision, tiny, room);
    }

    @Override
    void addAll() {
        for (int n : widthsOfRows()) {
            losses(batch(n), n);
            labels(batch(n), n, true);
        }
        labels(samples(65536, 1024), size(1024, 65), false);
    }

    private void losses(long batch, int n) {
        add("squared_error", "B=%d n=%d", batch, n)
                .reads(batch * n)
                .reads(batch * n)
                .writes(batch, (g, b) -> {
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(square(g.at(0, b * n + j) - g.at(1, b * n + j)) / 2);
                    }
                    return sum.near();
                })
                .writes(batch * n, (g, i) -> Near.exactly(rounded(g.at(1, i) - g.at(0, i))))
                .launch((k, at) -> k.losses().squaredError(at[2], at[3], each(at[0], n), each(at[1], n), batch, n));
        long half = Math.max(1, batch / 2);
        add("cross_entropy", "B=%d n=%d", half, n)
                .reads(half * n, Numbers.POSITIVE)
                .reads(half * n, Numbers.POSITIVE)
                .writes(half, (g, b) -> {
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(-g.at(0, b * n + j) * Math.log(g.at(1, b * n + j)));
                    }
                    return sum.near();
                })
                .writes(half * n, (g, i) -> Near.within(2, -g.at(0, i) / g.at(1, i)))
                .launch((k, at) -> k.losses().crossEntropy(at[2], at[3], each(at[0], n), each(at[1], n), half, n));
        add("softmax_cross_entropy", "B=%d n=%d", half, n)
                .reads(half * n, Numbers.POSITIVE)
                .reads(half * n)
                .writes(half, (g, b) -> {
                    Sum s = g.softmax(1, b, n);
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(g.at(0, b * n + j) * (Math.log(s.value) + s.shift - g.at(1, b * n + j)));
                    }
                    return sum.near();
                })
                .writes(half * n, (g, i) -> {
                    double q = g.q(1, i / n, n, (int) (i % n));
                    Sum sum = new Sum();
                    for (int j = 0; j < n; j++) {
                        sum.add(j == i % n ? -g.at(0, i) * (1 - q) : g.at(0, i / n * n + j) * q);
                    }
                    return sum.near();
                })
                .launch((k, at) ->
                        k.losses().softmaxCrossEntropy(at[2], at[3], each(at[0], n), each(at[1], n), half, n));
    }

    private void labels(long batch, int n, boolean loss) {
        BenchCase of = add("softmax_cross_entropy_labels", "B=%d n=%d%s", batch, n, loss ? "" : " gradient only")
                .labels(batch, n)
                .reads(batch * n)
                .writes(batch * n, (g, i) -> {
                    double q = g.q(1, i / n, n, (int) (i % n));
                    return Near.within(64, i % n == g.at(0, i / n) ? q - 1 : q);
                });
        if (loss) {
            of.writes(batch, (g, b) -> {
                Sum s = g.softmax(1, b, n);
                return new Sum()
                        .add(Math.log(s.value))
                        .add(s.shift - g.at(1, b * n + (long) g.at(0, b)))
                        .near();
            });
        }
        of.launch((k, at) -> k.losses()
                .softmaxCrossEntropyLabels(loss ? at[3] : 0, at[2], each(at[0], 1), each(at[1], n), batch, n));
    }
}
