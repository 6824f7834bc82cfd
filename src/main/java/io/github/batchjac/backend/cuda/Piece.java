package io.github.batchjac.backend.cuda;

/**
 * Samples that go through all steps together: a piece of a batch.
 *
 * @param samples how many
 * @param offset how many of its first tile's samples came in earlier pieces
 * @param closes whether its last tile ends with it
 */
record Piece(int samples, int offset, boolean closes) {}
