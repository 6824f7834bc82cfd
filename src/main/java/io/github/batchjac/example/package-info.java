/**
 * The embedded example: handwritten digits and a classifier that this library trained.
 *
 * <p>The images are the test set of the UCI "Optical Recognition of Handwritten Digits" data (E. Alpaydin and C. Kaynak,
 * 1998; CC BY 4.0), as Debian's python3-sklearn ships it: 1797 grey images of 8×8 pixels, scaled to [0, 1].
 */
@NullMarked
package io.github.batchjac.example;

import org.jspecify.annotations.NullMarked;
