/**
 * Arrays and networks in files: NumPy's {@code .npy} and {@code .npz}, read in ranges and written in chunks, and ONNX.
 *
 * <p>A file that is read is never trusted: what does not hold together is refused with a {@link
 * io.github.batchjac.io.FormatException} before anything of its claimed size is allocated. A file that is written
 * appears whole or not at all.
 */
@NullMarked
package io.github.batchjac.io;

import org.jspecify.annotations.NullMarked;
