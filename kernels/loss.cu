// Losses: loss (batch), gradient with respect to the prediction (batch,n); either may be null. Operands are `stride` apart from
// sample to sample. The gradient in place of an operand that is not shared. 12 bytes a number (float32), with labels 8. Launched
// as softmax, with a tile for each operand, and NAME_short likewise; NAME_long for samples too long for that, a block each.
#include "loss.cuh"

#define SUM_OF_TERMS(name, Loss)                                                                                               \
    RESIDENT_KERNEL(name, 512, 1)(REAL * loss, REAL * gradient, const REAL *target, long long target_stride, const REAL *prediction,       \
                      long long prediction_stride, long long batch, int n, int share, int pitch, SmallDivisor by) {                 \
        sum_of_terms<Loss>(loss, gradient, target, target_stride, prediction, prediction_stride, batch,                        \
                           Tile<REAL>{n, share, pitch, by});                                                                   \
    }                                                                                                                          \
    RESIDENT_KERNEL(name##_short, ShortTile<REAL>::THREADS, 1)(REAL * loss, REAL * gradient, const REAL *target, long long target_stride,            \
                      const REAL *prediction, long long prediction_stride, long long batch, int n, int share, int pitch, SmallDivisor by) { \
        sum_of_terms<Loss>(loss, gradient, target, target_stride, prediction, prediction_stride, batch,                        \
                           ShortTile<REAL>{n, share, pitch, by});                                                                     \
    }                                                                                                                          \
    KERNEL(name##_long, 512)(REAL * loss, REAL * gradient, const REAL *target, long long target_stride, const REAL *prediction, \
                             long long prediction_stride, int n) {                                                             \
        long long b = blockIdx.x;                                                                                              \
        sum_of_terms_long<Loss>(loss == nullptr ? loss : loss + b, gradient == nullptr ? gradient : gradient + b * n,          \
                                target + b * target_stride, prediction + b * prediction_stride, n);                            \
    }

// ½Σ(y−p)²; p − y.
SUM_OF_TERMS(squared_error, SquaredError)
// −Σ target·log prediction; −target/prediction.
SUM_OF_TERMS(cross_entropy, CrossEntropy)

#undef SUM_OF_TERMS

// Σ_k target_k·(logsumexp x − x_k) = Σ_k target_k·(max x − x_k) + Σtarget·log(s): nothing cancels for targets ≥ 0. Gradient
// (Σtarget)·q − target as (Σtarget − t_i)·q_i − t_i·(1 − q_i).
RESIDENT_KERNEL(softmax_cross_entropy, 512, 1)(REAL *loss, REAL *gradient, const REAL *target, long long target_stride, const REAL *logits,
                                   long long logits_stride, long long batch, int n, int share, int pitch, SmallDivisor by) {
    softmax_cross_entropy(loss, gradient, target, target_stride, logits, logits_stride, batch, Tile<REAL>{n, share, pitch, by});
}

RESIDENT_KERNEL(softmax_cross_entropy_short, ShortTile<REAL>::THREADS, 1)(REAL *loss, REAL *gradient, const REAL *target, long long target_stride,
                                   const REAL *logits, long long logits_stride, long long batch, int n, int share, int pitch, SmallDivisor by) {
    softmax_cross_entropy(loss, gradient, target, target_stride, logits, logits_stride, batch, ShortTile<REAL>{n, share, pitch, by});
}

KERNEL(softmax_cross_entropy_long, 512)(REAL *loss, REAL *gradient, const REAL *target, long long target_stride,
                                        const REAL *logits, long long logits_stride, int n) {
    long long b = blockIdx.x;
    const REAL *x = logits + b * logits_stride;
    const REAL *targets = target + b * target_stride;
    LongLanes<REAL> lanes(x, shared_numbers<REAL>());
    int peak;
    Normal<REAL> normal = normalise_long(lanes, x, n, peak);
    TargetSums<REAL> sums;
    lanes.for_mine(n, [&](auto some) { sums.add(some.load(targets), some.load(x), normal.largest); });
    REAL total = REAL(lanes.sum(sums.targets));
    REAL distance = REAL(lanes.sum(sums.distances));
    if (loss != nullptr && lanes.lane == 0) {
        loss[b] = distance + total * normal.log();
    }
    if (gradient != nullptr) {
        REAL inverse = normal.inverse();
        REAL rest = normal.rest();
        lanes.for_mine(n, [&](auto some) {
            auto t = some.load(targets);
            auto e = normal.numerators(some.load(x));
            decltype(e) others;
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                e.at[c] *= inverse;
                others.at[c] = REAL(1) - e.at[c];
            }
            some.at(peak, [&](int c) { others.at[c] = rest; });
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) {
                e.at[c] = distribution_gradient(t.at[c], e.at[c], others.at[c], total);
            }
            some.store(gradient + b * n, e);
        });
    }
}

// logsumexp x − x_label; gradient q, at the label q − 1 as −(the sum of the others)/s. Labels (batch) are in 0..n−1.
RESIDENT_KERNEL(softmax_cross_entropy_labels, 512, 1)(REAL *loss, REAL *gradient, const long long *labels, long long labels_stride,
                                          const REAL *logits, long long logits_stride, long long batch, int n, int share,
                                          int pitch, SmallDivisor by) {
    softmax_cross_entropy_labels(loss, gradient, labels, labels_stride, logits, logits_stride, batch, Tile<REAL>{n, share, pitch, by});
}

RESIDENT_KERNEL(softmax_cross_entropy_labels_short, ShortTile<REAL>::THREADS, 1)(REAL *loss, REAL *gradient, const long long *labels, long long labels_stride,
                                          const REAL *logits, long long logits_stride, long long batch, int n, int share, int pitch, SmallDivisor by) {
    softmax_cross_entropy_labels(loss, gradient, labels, labels_stride, logits, logits_stride, batch, ShortTile<REAL>{n, share, pitch, by});
}

RESIDENT_KERNEL(softmax_cross_entropy_labels_long, 512, 1)(REAL *loss, REAL *gradient, const long long *labels, long long labels_stride,
                                                           const REAL *logits, long long logits_stride, int n) {
    long long b = blockIdx.x;
    const REAL *x = logits + b * logits_stride;
    LongLanes<REAL> lanes(x, shared_numbers<REAL>());
    int label = lanes.mine((int)labels[b * labels_stride]);
    int peak;
    Normal<REAL> normal = normalise_long(lanes, x, n, peak);
    if (loss != nullptr && label >= 0) {
        loss[b] = normal.surprise(x[label], normal.log());
    }
    if (gradient != nullptr) {
        REAL inverse = normal.inverse();
        lanes.for_mine(n, [&](auto some) {
            auto q = normal.numerators(some.load(x));
#pragma unroll
            for (int c = 0; c < some.SIZE; c++) q.at[c] *= inverse;
            some.at(label, [&](int c) { q.at[c] = q.at[c] > REAL(0.5) ? -normal.rest() : q.at[c] - REAL(1); });
            some.store(gradient + b * n, q);
        });
    }
}
