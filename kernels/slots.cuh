// Outputs that are written sixteen bytes at a time by threads whose place in a sample never changes.
//
// A group is the fewest samples that fill whole 32-byte sectors. Its slots of 16 bytes are dealt to the threads of a
// block, several groups at a time where they are small, or to the threads of several blocks where they are large. A
// thread then goes from group to group in rounds, so that it divides to find its (i,j) once and not for every element.
#pragma once

namespace slots {

// How an output is dealt out; Slots.java says how it is chosen.
struct alignas(8) Slots {
    int samples;  // of a group
    int groups;   // that a block writes at a time
    int blocks;   // that share a group
    int rounds;   // that a block does
};

template <typename T>
constexpr int PER_SLOT = 16 / sizeof(T);

template <typename T, int N = PER_SLOT<T>>
struct alignas(N * sizeof(T)) Slot {
    T at[N];
};

template <int BYTES = 16>
__device__ __forceinline__ bool aligned(const void *address) {
    return reinterpret_cast<size_t>(address) % BYTES == 0;
}

__device__ __forceinline__ void store(float *to, const Slot<float> &s) {
    __stcs(reinterpret_cast<float4 *>(to), make_float4(s.at[0], s.at[1], s.at[2], s.at[3]));
}

__device__ __forceinline__ void store(double *to, const Slot<double> &s) {
    __stcs(reinterpret_cast<double2 *>(to), make_double2(s.at[0], s.at[1]));
}

template <typename T>
__device__ __forceinline__ void store(T *to, const Slot<T, 1> &s) {
    __stcs(to, s.at[0]);
}

// Where a thread's slot, of N elements, lies in an output (batch, outer, rows, cols).
template <typename T, int N = PER_SLOT<T>>
struct Place {
    long long sample;  // the first of its group
    long long first;   // element of the group
    long long left;    // elements from there to the end of the output; none or fewer if the thread has no slot
    long long step;    // samples from a round to the next
    int size, outer, rows, cols, rounds;

    __device__ __forceinline__ Place(long long batch, int outer, int rows, int cols, const Slots &slots)
        : size(outer * rows * cols), outer(outer), rows(rows), cols(cols), rounds(slots.rounds) {
        unsigned chunk = blockIdx.x / slots.blocks;
        long long slot = (blockIdx.x % slots.blocks) * (long long)blockDim.x + threadIdx.x;
        long long in_group = (long long)slots.samples * size / N;
        int group = 0;
        if (slots.blocks == 1) {
            group = threadIdx.x / (int)in_group;
            slot -= group * in_group;
        }
        step = (long long)slots.groups * slots.samples;
        sample = chunk * step * rounds + group * (long long)slots.samples;
        first = slot * N;
        left = group < slots.groups && slot < in_group ? (batch - sample) * size - first : 0;
        __builtin_assume(cols > 0);
    }

    // Calls visit(e, sample of the group, outer, row, column) for every element e of the slot.
    template <typename F>
    __device__ __forceinline__ void each(F visit) const {
        int s = 0;  // at most 7; in slots of one number a group is a sample
        long long rest = first;
#pragma unroll
        for (int k = N > 1 ? 4 : 0; k > 0; k /= 2) {
            bool beyond = rest >= k * (long long)size;
            rest -= beyond ? k * (long long)size : 0;
            s += beyond ? k : 0;
        }
        int p = (int)rest;
        int i = p / cols;
        int j = p - i * cols;
        int o = outer == 1 ? 0 : i / rows;
        i -= o * rows;
#pragma unroll
        for (int e = 0; e < N; e++) {
            visit(e, s, o, i, j);
            if (++j == cols) {
                j = 0;
                if (++i == rows) {
                    i = 0;
                    if (++o == outer) {
                        o = 0;
                        s++;
                    }
                }
            }
        }
    }

    // Writes value(elements, round) round after round, two at a time so that two reads are under way.
    template <typename F>
    __device__ __forceinline__ void write(T *out, F value) const {
        bool whole = N == 1 || aligned<N * sizeof(T)>(out);
        T *to = out + sample * size + first;
        long long next = step * size;
        long long rest = left;
        for (int round = 0; round < rounds && rest > 0; round += 2) {
            bool second = round + 1 < rounds && rest > next;
            Slot<T, N> one = value(rest < N ? (int)rest : N, round);
            Slot<T, N> two;
            if (second) {
                two = value(rest - next < N ? (int)(rest - next) : N, round + 1);
            }
            put(to, one, rest, whole);
            if (second) {
                put(to + next, two, rest - next, whole);
            }
            to += 2 * next;
            rest -= 2 * next;
        }
    }

    __device__ __forceinline__ static void put(T *to, const Slot<T, N> &slot, long long elements, bool whole) {
        __builtin_assume(elements > 0);
        if (whole && elements >= N) {
            store(to, slot);
            return;
        }
#pragma unroll
        for (int e = 0; e < N; e++) {
            if (e < elements) {
                to[e] = slot.at[e];
            }
        }
    }
};

// The numbers of one operand that belong to a thread's slot. No address: ones.
template <typename T, int N = PER_SLOT<T>>
struct Operand {
    const T *base;  // of the first round's first sample
    const T *at[N];
    T value[N];
    long long stride;
    long long step;  // elements from a round to the next
    unsigned wanted = 0;
    bool packed;  // a whole slot's numbers are 16 aligned bytes
    bool single;  // they are one number

    // `run`: so many consecutive elements of the output have consecutive numbers; 0 if those of a row have the same one.
    __device__ __forceinline__ Operand(const T *numbers, long long stride, const Place<T, N> &place, int run)
        : base(numbers == nullptr ? nullptr : numbers + place.sample * stride), stride(stride), step(place.step * stride) {
        bool contiguous = run == place.size && stride == run;
        packed = run != 0 && aligned<N * sizeof(T)>(numbers) && (contiguous || (run % N == 0 && stride % N == 0));
        single = run == 0 && place.cols % N == 0;
#pragma unroll
        for (int e = 0; e < N; e++) {
            at[e] = base;
            value[e] = T(0);
        }
    }

    // Element e of the slot has this number of sample s of the group. An element that points nowhere is +0.
    __device__ __forceinline__ void point(int e, int s, int offset) {
        wanted |= 1u << e;
        if (base == nullptr) {
            value[e] = T(1);
            return;
        }
        at[e] = base + (s * stride + offset);
        if (single) {
            at[0] = at[e];
        }
    }

    // Reads the numbers of the first n elements, one at least, `offset` further on.
    __device__ __forceinline__ void load(int n, int offset = 0) {
        if (base == nullptr || wanted == 0) {
            return;
        }
        if (packed && n == N) {
            Slot<T, N> s = *reinterpret_cast<const Slot<T, N> *>(at[0] + offset);
#pragma unroll
            for (int e = 0; e < N; e++) {
                value[e] = s.at[e];
            }
        } else if (single) {
            T one = at[0][offset];
#pragma unroll
            for (int e = 0; e < N; e++) {
                value[e] = (wanted >> e & 1) != 0 ? one : T(0);
            }
        } else {
            __builtin_assume(n > 0);
#pragma unroll
            for (int e = 0; e < N; e++) {
                if (e < n && (wanted >> e & 1) != 0) {
                    value[e] = at[e][offset];
                }
            }
        }
    }

    __device__ __forceinline__ void advance() {
#pragma unroll
        for (int e = 0; e < N; e++) {
            at[e] += step;
        }
    }

    // The numbers of the next round.
    __device__ __forceinline__ void next(int n, int round) {
        if (round == 0 || stride != 0) {
            load(n);
            advance();
        }
    }
};

// What write() asks for: the operands' product.
template <typename T>
__device__ __forceinline__ auto product(Operand<T> &left, Operand<T> &right) {
    return [&](int elements, int round) {
        left.next(elements, round);
        right.next(elements, round);
        Slot<T> product;
#pragma unroll
        for (int e = 0; e < PER_SLOT<T>; e++) {
            product.at[e] = left.value[e] * right.value[e];
        }
        return product;
    };
}

// What write() asks for: the operand itself.
template <typename T>
__device__ __forceinline__ auto copy(Operand<T> &operand) {
    return [&](int elements, int round) {
        operand.next(elements, round);
        Slot<T> copy;
#pragma unroll
        for (int e = 0; e < PER_SLOT<T>; e++) {
            copy.at[e] = operand.value[e];
        }
        return copy;
    };
}

}  // namespace slots
