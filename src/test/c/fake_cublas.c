/*
 * A libcublas.so.12 or .13 for tests of the Java side, over fake_cuda.c, whose device memory is the host's. It multiplies as
 * BLAS does, by the letter: column-major, with leading dimensions; and it refuses a handle that was not set up.
 */
#include <stdlib.h>

typedef struct handle {
    void *stream, *workspace;
    size_t bytes;
    int math;
} handle;

int cublasCreate_v2(handle **h) {
    *h = calloc(1, sizeof **h);
    (*h)->math = -1;
    return getenv("FAKE_CUBLAS") ? atoi(getenv("FAKE_CUBLAS")) : 0;
}

int cublasDestroy_v2(handle *h) {
    h->math = -1;
    free(h);
    return 0;
}

int cublasSetStream_v2(handle *h, void *stream) {
    h->stream = stream;
    h->workspace = NULL;
    return 0;
}

int cublasSetWorkspace_v2(handle *h, void *workspace, size_t bytes) {
    h->workspace = workspace;
    h->bytes = bytes;
    return (size_t)workspace % 256 ? 7 : 0;
}

int cublasSetMathMode(handle *h, int mode) {
    h->math = mode;
    return 0;
}

int cublasGetVersion_v2(handle *h, int *version) {
    *version = VERSION;
    return 0;
}

#define GEMM(NAME, REAL)                                                                                             \
    int NAME(handle *h, int ta, int tb, int m, int n, int k, const REAL *alpha, const REAL *a, int lda, const REAL *b, \
             int ldb, const REAL *beta, REAL *c, int ldc) {                                                          \
        if (!h->stream || !h->workspace || h->bytes != 32 << 20 || h->math != 0 || tb) return 7;                     \
        if (*alpha != 1 || *beta != 0 || lda < (ta ? k : m) || ldb < k || ldc < m) return 7;                         \
        for (int j = 0; j < n; j++)                                                                                  \
            for (int i = 0; i < m; i++) {                                                                            \
                REAL sum = 0;                                                                                        \
                for (int l = 0; l < k; l++) sum += (ta ? a[l + (size_t)i * lda] : a[i + (size_t)l * lda]) * b[l + (size_t)j * ldb]; \
                c[i + (size_t)j * ldc] = sum;                                                                        \
            }                                                                                                        \
        return 0;                                                                                                    \
    }

GEMM(cublasSgemm_v2, float)
GEMM(cublasDgemm_v2, double)
