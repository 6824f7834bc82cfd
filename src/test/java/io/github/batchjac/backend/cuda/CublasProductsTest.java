package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Our row-major products in terms of BLAS, which is column-major. */
class CublasProductsTest {
    private static final long A = 1 << 20;
    private static final long W = 1 << 24;
    private static final long OUT = 1 << 28;

    @ParameterizedTest
    @CsvSource({"1,1,1", "5,3,7", "32,31,33", "2,67,1", "9,1,32"})
    void aProductWithRowsIsAProductWithColumns(int rows, int n, int k) {
        Random random = new Random(1);
        double[] a = random.doubles((long) rows * k).toArray();
        double[] w = random.doubles((long) k * n).toArray();
        for (boolean transposed : new boolean[] {false, true}) {
            for (Precision precision : Precision.values()) {
                Columns columns = new Columns(a, w, rows * n, precision);
                CublasProducts.multiply(columns, OUT, rows, n, k, A, W, transposed, precision);
                for (int i = 0; i < rows; i++) {
                    for (int j = 0; j < n; j++) {
                        double sum = 0;
                        for (int l = 0; l < k; l++) {
                            sum += a[i * k + l] * (transposed ? w[j * k + l] : w[l * n + j]);
                        }
                        assertThat(columns.out[i * n + j]).isEqualTo(sum);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"5000000000, 512, 10", "262144, 10, 9000", "3, 1, 1", "2147483648, 1, 1", "7, 2147483647, 1"})
    void manyRowsGoInPartsThat32BitsAddress(long rows, int n, int k) {
        List<long[]> parts = new ArrayList<>();
        CublasLibrary.Handle handle = new Recorder(parts);
        CublasProducts.multiply(handle, OUT, rows, n, k, A, W, false, Precision.F32);
        long done = 0;
        for (long[] part : parts) {
            assertThat(part[0]).isPositive();
            assertThat(part[0] * Math.max(n, k)).isLessThanOrEqualTo(Integer.MAX_VALUE);
            assertThat(part[1]).isEqualTo(A + 4 * done * k);
            assertThat(part[2]).isEqualTo(OUT + 4 * done * n);
            done += part[0];
        }
        assertThat(done).isEqualTo(rows);
    }

    @Test
    void nothingIsNoCall() {
        List<long[]> parts = new ArrayList<>();
        CublasProducts.multiply(new Recorder(parts), OUT, 0, 5, 5, A, W, false, Precision.F64);
        CublasProducts.multiply(new Recorder(parts), OUT, 5, 0, 5, A, W, false, Precision.F64);
        assertThat(parts).isEmpty();
    }

    /** How many rows, and where. */
    private record Recorder(List<long[]> parts) implements CublasLibrary.Handle {
        @Override
        public int version() {
            return 0;
        }

        @Override
        public void multiply(
                Precision precision,
                boolean transposed,
                int m,
                int n,
                int k,
                long a,
                int lda,
                long b,
                int ldb,
                long c,
                int ldc) {
            parts.add(new long[] {n, b, c});
        }

        @Override
        public void close() {}
    }

    /** BLAS by the letter, on memory that begins at the addresses above. */
    private static final class Columns implements CublasLibrary.Handle {
        private final double[] a;
        private final double[] w;
        private final Precision precision;
        final double[] out;

        Columns(double[] a, double[] w, int size, Precision precision) {
            this.a = a;
            this.w = w;
            this.precision = precision;
            this.out = new double[size];
        }

        @Override
        public int version() {
            return 0;
        }

        @Override
        public void multiply(
                Precision precision,
                boolean transposed,
                int m,
                int n,
                int k,
                long first,
                int lda,
                long second,
                int ldb,
                long c,
                int ldc) {
            assertThat(precision).isEqualTo(this.precision);
            assertThat(first).isEqualTo(W);
            assertThat(lda).isGreaterThanOrEqualTo(transposed ? k : m);
            int from = (int) ((second - A) / precision.bytes());
            int to = (int) ((c - OUT) / precision.bytes());
            for (int j = 0; j < n; j++) {
                for (int i = 0; i < m; i++) {
                    double sum = 0;
                    for (int l = 0; l < k; l++) {
                        sum += a[from + j * ldb + l] * (transposed ? w[i * lda + l] : w[l * lda + i]);
                    }
                    out[to + j * ldc + i] = sum;
                }
            }
        }

        @Override
        public void close() {}
    }
}
