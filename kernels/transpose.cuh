// Tiles of a matrix that is turned.
#pragma once
#include "common.cuh"

// Side of a tile.
constexpr int SIDE = 64;

// By 32×8 threads: visit(i, j, entry) for a tile of SIDE² entries of a matrix from p on, of which so many rows and columns are left.
// Warps' accesses start where sectors do, which every eighth row does alike; what that leaves of the ends of four rows is one more.
template <typename P, typename F>
__device__ __forceinline__ void each_of_tile(P *p, int pitch, int rows, int cols, F visit) {
    int x = (int)threadIdx.x % 32, y = (int)threadIdx.x / 32;
    p += y * (long long)pitch;
    rows -= y;
    cols = min(cols, SIDE);
    int behind = behind_sector(p), j = x - behind;
    int first = j >= 0 && j < cols ? rows : 0, second = j + 32 < cols ? rows : 0;
    P *its = p + j;
#pragma unroll
    for (int step = 0; step < SIDE; step += 8, its += 8 * (long long)pitch) {
        if (step < first) {
            visit(y + step, j, its[0]);
        }
        if (step < second) {
            visit(y + step, j + 32, its[32]);
        }
    }
    j = SIDE - behind + x % 8;
#pragma unroll
    for (int half = 0; half < SIDE; half += 32) {
        int step = half + x / 8 * 8;
        if (j < cols && step < rows) {
            visit(y + step, j, p[step * (long long)pitch + j]);
        }
    }
}
