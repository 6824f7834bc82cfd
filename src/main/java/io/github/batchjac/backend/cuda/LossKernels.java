package io.github.batchjac.backend.cuda;

/**
 * Losses: loss (batch), gradient with respect to the prediction (batch,n); either may be 0. The gradient in place of an operand
 * that is not shared. Formulas and bounds are those of {@code LossKernels32}: u is the unit roundoff, "16 / 8 ulp" is float32 / float64.
 */
final class LossKernels {
    private final Queue queue;

    LossKernels(Queue queue) {
        this.queue = queue;
    }

    /** {@code ½Σ(y−p)²}, compensated: 8 ulp of the value from p − y rounded once; {@code p − y}. */
    void squaredError(long loss, long gradient, Strided target, Strided prediction, long batch, int n) {
        launch("squared_error", 2, loss, gradient, target, prediction, batch, n);
    }

    /**
     * {@code −Σ target·log prediction}, within 8u of the sum of the magnitudes; {@code −target/prediction}. A target of 0 adds 0 and
     * has gradient 0, whatever prediction ≥ 0.
     */
    void crossEntropy(long loss, long gradient, Strided target, Strided prediction, long batch, int n) {
        launch("cross_entropy", 2, loss, gradient, target, prediction, batch, n);
    }

    /**
     * {@code Σ_k target_k·(logsumexp θ − θ_k)}, 16 / 8 ulp for targets ≥ 0. A target of 0 adds 0. Gradient
     * {@code (Σtarget)q − target} as (Σtarget − target_i)·q_i − target_i·(1−q_i), within 16 / 8 ulp of the sum of these magnitudes.
     */
    void softmaxCrossEntropy(long loss, long gradient, Strided target, Strided logits, long batch, int n) {
        launch("softmax_cross_entropy", 2, loss, gradient, target, logits, batch, n);
    }

    /**
     * {@code logsumexp θ − θ_label}, 8 ulp; gradient q, at the label −(the sum of the others)/s, 16 / 8 ulp. Labels are 64-bit
     * integers in {@code 0..n−1}, one for each sample.
     */
    void softmaxCrossEntropyLabels(long loss, long gradient, Strided labels, Strided logits, long batch, int n) {
        launch("softmax_cross_entropy_labels", 1, loss, gradient, labels, logits, batch, n);
    }

    /** @param tiles operands that a block holds in shared memory */
    private void launch(
            String name, int tiles, long loss, long gradient, Strided target, Strided prediction, long batch, int n) {
        if (batch == 0 || n == 0) {
            return;
        }
        SampleTile tile = SampleTile.of(queue.precision(), batch, n);
        int samples = tile.samples();
        Arguments arguments =
                new Arguments().with(loss).with(gradient).with(target).with(prediction);
        if (tile.fits((tiles - 1) * samples)) {
            tile.describe(arguments.with(batch));
            long blocks = SampleTile.ceil(batch, samples);
            queue.launch(tile.kernel(name), blocks, tile.threads(), tile.bytes(tiles * samples), arguments);
        } else {
            queue.launch(name + "_long", batch, tile.threads(), tile.bytesOfLong(), arguments.with(n));
        }
    }
}
