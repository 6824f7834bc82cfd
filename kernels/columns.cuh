// Sums down columns. A chain is a matrix (count,n) of which each column is added up by one thread, row after row; `per` chains belong to
// a sample. Rows come to shared memory as the runs of numbers that they are. Short chains come whole, all that a block has at a
// time in one run; of others come some rows at a time, and a thread has one column, or two of long rows. Rows that are longer than the
// largest block are shared by some blocks. Columns.java says how it is chosen.
#pragma once
#include "common.cuh"

namespace columns {

// How an operand lies in shared memory.
struct alignas(8) Lying {
    int at;      // its first number there
    int room;    // numbers from run to run
    int shared;  // whether the batch shares it
    int lanes;   // log2 of the threads that bring a run
    int pad;     // numbers that are left free behind each whole chain, so that those that a warp has start in different banks
    SmallDivisor by_chain;  // and how many it has
    long long extent;  // numbers in all, if they lie without gaps
};

// How chains are dealt out.
struct alignas(8) Columns {
    int rows;      // of a chain that come at a time, or 0: whole chains in one run
    int together;  // chains that a block has at a time
    int width;     // columns that it has
    int parts;     // blocks that share a chain's columns
    int rounds;
    int per;
    SmallDivisor columns;  // by width
    Divisor chains;        // by per
    Lying a, factors;
};

// Chains that a block has at a time.
struct Round {
    const Columns &dealt;
    long long chain;   // the first of them,
    long long sample;  // to which it belongs,
    int index;         // and its number there
    int chains;        // how many they are

    __device__ __forceinline__ Round(const Columns &dealt, long long chain)
        : dealt(dealt), chain(chain), sample(chain / dealt.per), index((int)(chain - sample * dealt.per)) {}

    // Of chain u, counted from the first one's.
    __device__ __forceinline__ int sample_of(int u) const { return dealt.chains.quotient(index + u); }
    __device__ __forceinline__ int index_of(int u) const { return index + u - sample_of(u) * dealt.per; }

    __device__ __forceinline__ void next() {
        chain += dealt.together;
        int samples = sample_of(dealt.together);
        index = index_of(dealt.together);
        sample += samples;
    }
};

// All chains have all rows, one at least.
struct All {
    int count;
    __device__ __forceinline__ int missing(long long) const { return 0; }
    __device__ __forceinline__ int rows(long long) const {
        __builtin_assume(count > 0);
        return count;
    }
};

// The rows of a tile are its samples: the first one lacks its first `offset`, the last one those beyond the batch.
struct Tiles {
    int count, offset;
    long long samples;
    __device__ __forceinline__ int missing(long long t) const { return t == 0 ? offset : 0; }
    __device__ __forceinline__ int rows(long long t) const {
        return (int)min((long long)count, offset + samples - t * count) - missing(t);
    }
};

// An operand: its rows have as many numbers as there are columns, or one (ROW). EACH: each chain has its own, else each sample.
// APART: whole chains may lie apart, and single columns be read in packs.
template <typename T, bool EACH, bool ROW, bool APART = false>
struct Operand {
    static constexpr bool IN_PACKS = APART;
    const T *numbers;
    long long stride;  // from sample to sample
    const Lying &lies;
    const T *begin, *end;  // of numbers that lie without gaps; the same if there are gaps
    int place;         // where this thread's numbers are
    int room;          // of a run
    const T *run, *mine;
    int left;          // rows of the run that it helps to bring
    int apart, step;   // from chain to chain, and from sample to sample

    __device__ __forceinline__ Operand(const T *begin, long long stride, const Lying &lies, long long missing = 0)
        : numbers(begin - missing), stride(stride), lies(lies), begin(begin), end(begin + lies.extent) {}

    // Whose it is that chain u needs.
    __device__ __forceinline__ int owner(const Round &round, int u) const {
        int sample = round.sample_of(u);
        return EACH ? (lies.shared ? round.index + u - sample * round.dealt.per : u) : lies.shared ? 0 : sample;
    }

    __device__ __forceinline__ void bring(int to, const T *from, int count, int me, int threads) const {
        int behind = behind_sector(from);
        bool free = from - behind >= begin && from + count + Pack<T>::SIZE <= end;
        bring_run(shared_numbers<Pack<T>>() + to / Pack<T>::SIZE, from, count, me, threads, free);
    }

    // The same by the whole block, with the pad behind each chain. `before`: numbers of the first chain that are not there.
    template <int N>
    __device__ __forceinline__ void bring_apart(const T *to, const T *from, int count, int before) const {
        constexpr int U = 4;
        int pad = lies.pad * (int)sizeof(T), step = (int)blockDim.x * N;
        int i = ((int)threadIdx.x - (N == 1 ? behind_sector(from) : 0)) * N;
        if (i < 0) i += step;
        SmallDivisor by_chain = lies.by_chain;
        unsigned at = shared_address(to + i);
        from += i;
        i += before;
        count += before;
        auto place = [&](int u) {
            return at_shared_address<T>(mad(by_chain.quotient(i + u * step), pad, at + u * step * sizeof(T)));
        };
        auto copy = [&](auto packs) {
            Pack<T, N> x[packs];
#pragma unroll
            for (int u = 0; u < packs; u++) x[u] = load_pack<T, N>(from + u * step);
#pragma unroll
            for (int u = 0; u < packs; u++) store_pack(place(u), x[u]);
            i += packs * step;
            from += packs * step;
            at += packs * step * sizeof(T);
        };
#pragma unroll 1
        while (i < count - (U - 1) * step) copy(Count<U>());
#pragma unroll 1
        while (i < count) copy(Count<1>());
    }

    // Whole chains, by the whole block. A barrier must follow.
    template <typename Range>
    __device__ __forceinline__ void bring(const Round &round, const Range &range, int n) {
        int row = ROW ? 1 : n, last = (EACH && lies.shared ? round.dealt.per : owner(round, round.chains - 1) + 1) - 1;
        long long first = EACH ? round.chain : round.sample;
        int missing = 0, rows = (last + 1) * range.count;
        if (EACH && !lies.shared) {
            missing = range.missing(first);
            rows -= range.count - range.missing(first + last) - range.rows(first + last) + missing;
        }
        const T *from = numbers + ((lies.shared ? 0 : first * range.count) + missing) * row;
        T *to = shared_numbers<T>() + lies.at + behind_sector(from);
        int before = missing * row, chain = range.count * row + (APART ? lies.pad : 0);
        if (!APART || lies.pad == 0) {
            bring(lies.at, from, rows * row, (int)threadIdx.x, (int)blockDim.x);
        } else if (aligned(from) && (range.count * row | lies.pad | before) % Pack<T>::SIZE == 0) {
            bring_apart<Pack<T>::SIZE>(to, from, rows * row, before);
        } else {
            bring_apart<1>(to, from, rows * row, before);
        }
        place = lies.at + behind_sector(from) + (EACH && lies.shared ? round.index * chain : 0) - before;
        apart = (EACH ? chain : 0) - (ROW ? 0 : n);
        step = chain * (EACH ? (lies.shared ? -round.dealt.per : 0) : lies.shared ? 0 : 1);
        if (APART) {
            asm("" : "+r"(place), "+r"(apart), "+r"(step)); // nvcc would make them anew for every column
        }
    }

    // Where the column of element e is then, which is one of chain u.
    template <typename Range>
    __device__ __forceinline__ int column(const Round &round, const Range &range, int n, int u, int e) const {
        int missing = EACH ? range.missing(round.chain + u) : 0;
        return place + (ROW ? missing : missing * n + e) + u * apart + round.sample_of(u) * step;
    }

    // Where an owner's rows start.
    template <typename Range>
    __device__ __forceinline__ const T *start(const Round &round, const Range &range, int n, int owner) const {
        if (!EACH) {
            return numbers + (round.sample + owner) * stride;
        }
        int samples = round.sample_of(owner);
        long long row = (owner + round.index - samples * round.dealt.per) * (long long)range.count +
                        range.missing(round.chain + owner);
        return numbers + (round.sample + samples) * stride + row * (ROW ? 1 : n);
    }

    // Before the first rows come of a round in which this thread has a column of chain u.
    template <typename Range>
    __device__ __forceinline__ void open(const Round &round, const Range &range, int n, int from, bool parted, int u, int j) {
        int its = owner(round, u), group = (int)threadIdx.x >> lies.lanes;
        bool any = group < (int)blockDim.x >> lies.lanes;
        mine = start(round, range, n, its) + (ROW ? 0 : from);
        room = lies.at + group * lies.room;
        if (!ROW && parted) {
            place = lies.at + j;
            run = mine + (long long)group * n;
            left = any && group < round.dealt.rows ? range.rows(round.chain) - group : 0;
        } else {
            place = lies.at + its * lies.room + (ROW ? 0 : j);
            run = start(round, range, n, group);
            left = any && group <= owner(round, round.chains - 1) ? range.rows(round.chain + (EACH ? group : 0)) : 0;
        }
    }

    // The next rows. A barrier must follow.
    __device__ __forceinline__ void bring(int rows, int n, int width) {
        if (left > 0) {
            int me = (int)threadIdx.x & ((1 << lies.lanes) - 1);
            int there = min(rows, left);
            if (ROW) {
#pragma unroll 1
                for (int i = me - behind_sector(run); i < there; i += 1 << lies.lanes) {
                    if (i >= 0) {
                        shared_numbers<T>()[room + i] = run[i];
                    }
                }
            } else {
                bool parted = width < n;
                int to = room + (parted ? behind_sector(mine) - behind_sector(run) : 0);
                bring(to, run, parted ? width : there * n, me, 1 << lies.lanes);
            }
        }
        left -= rows;
        run += (long long)rows * (ROW ? 1 : n);
    }

    // How far behind a sector this thread's next rows start.
    __device__ __forceinline__ int behind() const { return behind_sector(mine); }

    __device__ __forceinline__ int column(int rows, int n) {
        int at = place + (ROW ? 0 : behind_sector(mine));
        mine += (long long)rows * n;
        return at;
    }

    // Whether whole chains of so many numbers each are packs of W.
    template <int W>
    __device__ __forceinline__ bool packed(int count) const { return APART && (place | count) % W == 0; }

    // From a column to one so much further on.
    __device__ __forceinline__ int beside(int columns) const { return ROW ? 0 : columns; }

    // From row to row, in shared memory.
    __device__ __forceinline__ int pitch(int n, bool parted) const { return ROW ? 1 : parted ? lies.room : n; }
};

// A column's numbers.
template <typename T>
struct Column {
    const T *at;
    int pitch, distance;
    __device__ __forceinline__ T beside() const { return at[distance]; }
    __device__ __forceinline__ T next() {
        T x = *at;
        at += pitch;
        return x;
    }
    // Where the pitch is 1.
    template <int W>
    __device__ __forceinline__ Pack<T, W> next_pack() {
        Pack<T, W> x = load_pack<T, W>(at);
        at += W;
        return x;
    }
};

template <typename T, typename Add, typename... C>
__device__ __forceinline__ T added(T sum, int rows, Add add, C... columns) {
#pragma unroll 4
    for (int r = 0; r < rows; r++) {
        sum = add(sum, columns.next()...);
    }
    return sum;
}

// The same of two columns.
template <typename T, typename Add, typename... C>
__device__ __forceinline__ void added_two(T (&sum)[2], int rows, Add add, C... columns) {
#pragma unroll 4
    for (int r = 0; r < rows; r++) {
        sum[1] = add(sum[1], columns.beside()...);
        sum[0] = add(sum[0], columns.next()...);
    }
}

// The same of columns that are packs of W.
template <int W, typename T, typename Add, typename... C>
__device__ __forceinline__ T added_packs(T sum, int rows, Add add, C... columns) {
    auto add_pack = [&](auto... packs) {
#pragma unroll
        for (int c = 0; c < W; c++) sum = add(sum, packs.at[c]...);
    };
#pragma unroll 1
    for (; rows > 0; rows -= W) add_pack(columns.template next_pack<W>()...);
    return sum;
}

// The same of single columns of which the first starts `behind` a sector: from the next one on, which all lanes have in as many banks,
// it is read in packs.
template <typename T, typename Add, typename... More>
__device__ __forceinline__ T added_line(T sum, int rows, int behind, Add add, const T *first, const More *...more) {
    constexpr int V = Pack<T>::SIZE, SECTOR = 32 / (int)sizeof(T);
    auto singles = [&](int count) {
        rows -= count;
#pragma unroll 1
        for (; count > 0; count--) sum = add(sum, *first++, *more++...);
    };
    singles(min(rows, SECTOR - behind));
#pragma unroll 1
    for (; rows >= V; rows -= V) {
        Pack<T> pack = load_pack(first);
#pragma unroll
        for (int c = 0; c < V; c++) sum = add(sum, pack.at[c], more[c]...);
        first += V;
        ((more += V), ...);
    }
    singles(rows);
    return sum;
}

template <typename First, typename... More>
__device__ __forceinline__ const First &first_of(const First &first, const More &...) {
    return first;
}

// out[chain,j] = begin(chain, out[chain,j]), then add(that, number of each operand) row after row.
template <typename T, typename Range, typename Begin, typename Add, typename... Operands>
__device__ __forceinline__ void add_up(
    T *out, long long chains, int n, const Columns &dealt, Range range, Begin begin, Add add, Operands... operands) {
    T *shared = shared_numbers<T>();
    unsigned chunk = blockIdx.x / dealt.parts;
    Round round(dealt, (long long)chunk * dealt.rounds * dealt.together);
    if (dealt.rows == 0) {
        for (int turn = 0; turn < dealt.rounds && round.chain < chains; turn++) {
            round.chains = (int)min((long long)dealt.together, chains - round.chain);
            if (turn > 0) {
                __syncthreads();
            }
            (operands.bring(round, range, n), ...);
            __syncthreads();
            // A column of packs takes fewer instructions, and meets in no banks where its length is even.
            constexpr int V = Pack<T>::SIZE;
            bool packs = n == 1 && (operands.template packed<V>(range.count) && ...);
            bool pairs = V > 2 && n == 1 && (operands.template packed<2>(range.count) && ...);
            T *to = out + round.chain * n;
            int e = (int)threadIdx.x - behind_sector(to);
            e += e < 0 ? (int)blockDim.x : 0;
            to += e;
#pragma unroll 1
            for (; e < round.chains * n; e += (int)blockDim.x, to += blockDim.x) {
                int u = dealt.columns.quotient(e);
                long long chain = round.chain + u;
                auto column = [&](const auto &operand) {
                    return Column<T>{shared + operand.column(round, range, n, u, e), operand.pitch(n, false), 0};
                };
                T sum = begin(chain, to);
                int rows = range.rows(chain);
                *to = packs   ? added_packs<V>(sum, rows, add, column(operands)...)
                      : pairs ? added_packs<2>(sum, rows, add, column(operands)...)
                              : added(sum, rows, add, column(operands)...);
            }
            round.next();
        }
        return;
    }
    int from = (int)(blockIdx.x - chunk * dealt.parts) * dealt.width;
    int width = min(dealt.width, n - from);
    bool parted = width < n;
    round.chains = (int)min((long long)dealt.together, chains - round.chain);
    T *to = out + round.chain * n + from;
    int e = (int)threadIdx.x - behind_sector(to);
    e += e < 0 ? (int)blockDim.x : 0;
    bool any = e < round.chains * width;
    int u = any ? dealt.columns.quotient(e) : 0, j = e - u * width;
    // The columns of long rows are more than there are threads.
    int further = e + (int)blockDim.x < width ? (int)blockDim.x : 0;
    T sum[2] = {};
    if (any) {
        sum[0] = begin(round.chain + u, to + e);
        sum[1] = begin(round.chain + u, to + e + further);
    }
    int left = any ? range.rows(round.chain + u) : 0;
    (operands.open(round, range, n, from, parted, u, j), ...);
    auto in_pieces = [&](int n, int width, auto add_piece) {
        for (int first = 0; first < range.count; first += dealt.rows) {
            if (first > 0) {
                __syncthreads();
            }
            (operands.bring(dealt.rows, n, width), ...);
            __syncthreads();
            add_piece(min(dealt.rows, left));
            left -= dealt.rows;
        }
    };
    if ((Operands::IN_PACKS && ...) && n == 1) {
        in_pieces(1, 1, [&](int rows) {
            int behind = first_of(operands...).behind();
            sum[0] = added_line(sum[0], rows, behind, add, shared + operands.column(dealt.rows, n)...);
        });
    } else {
        in_pieces(n, width, [&](int rows) {
            auto column = [&](auto &operand) {
                return Column<T>{
                    shared + operand.column(dealt.rows, n), operand.pitch(n, parted), operand.beside(further)};
            };
            if (width > (int)blockDim.x) {
                added_two(sum, rows, add, column(operands)...);
            } else {
                sum[0] = added(sum[0], rows, add, column(operands)...);
            }
        });
    }
    if (any) {
        to[e] = sum[0];
        if (further > 0) {
            to[e + further] = sum[1];
        }
    }
}

}  // namespace columns
