// Outputs that are written sixteen bytes at a time by threads whose place in a sample never changes.
//
// A group is the fewest samples that fill whole 32-byte sectors. Its slots of 16 bytes are dealt to the threads of a
// block, several groups at a time where they are small, or to the threads of several blocks where they are large. A
// thread then goes from group to group in rounds, so that it divides to find its (i,j) once and not for every element.
// Where slots lie across rows, operands come to shared memory first, some rounds at a time.
#pragma once
#include "common.cuh"

namespace slots {

// How an output is dealt out; Slots.java says how it is chosen.
struct alignas(8) Slots {
    int samples;  // of a group
    int groups;   // that a block writes at a time
    int blocks;   // that share a group
    int rounds;   // that a block does
    int staged;   // whether operands come through shared memory
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

// Where a thread's slot, of N elements, lies in an output (batch, outer, rows, cols).
template <typename T, int N = PER_SLOT<T>>
struct Place {
    long long sample;  // the first of its group
    long long first;   // element of the group
    long long left;    // elements from there to the end of the output; none or fewer if the thread has no slot
    long long step;    // samples from a round to the next
    long long block;   // the first sample of the block's groups, and in a round, counted from there:
    int from, to;      // the elements that it writes, where operands are staged,
    int mine;          // and the first of this thread;
    bool staged;       // whether they are
    long long batch;
    int size, outer, rows, cols, rounds;

    __device__ __forceinline__ Place(long long batch, int outer, int rows, int cols, const Slots &slots)
        : staged(slots.staged != 0),
          batch(batch),
          size(outer * rows * cols),
          outer(outer),
          rows(rows),
          cols(cols),
          rounds(slots.rounds) {
        unsigned chunk = blockIdx.x / slots.blocks;
        long long slot = (blockIdx.x % slots.blocks) * (long long)blockDim.x + threadIdx.x;
        long long in_group = (long long)slots.samples * size / N;
        int group = 0;
        if (slots.blocks == 1) {
            group = threadIdx.x / (int)in_group;
            slot -= group * in_group;
        }
        step = (long long)slots.groups * slots.samples;
        block = chunk * step * rounds;
        sample = block + group * (long long)slots.samples;
        from = (int)(blockIdx.x % slots.blocks * blockDim.x * N);
        to = min(from + (int)blockDim.x * N, slots.groups * slots.samples * size);
        mine = from + (int)threadIdx.x * N;
        first = slot * N;
        left = group < slots.groups && slot < in_group ? (batch - sample) * size - first : 0;
        __builtin_assume(cols > 0);
    }

    // Calls visit(e, sample of the group, outer, row, column) for every element e of the slot.
    template <typename F>
    __device__ __forceinline__ void each(F visit) const {
        int s = 0;  // at most 7
        long long rest = first;
#pragma unroll
        for (int k = 4; k > 0; k /= 2) {
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
        bool whole = aligned<N * sizeof(T)>(out);
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

// How the numbers of consecutive elements lie: one for all of a row, or next to each other.
enum Lie { ROW, RUN };

// The numbers of one operand that belong to a thread's slot. ONES: no address is ones.
template <typename T, Lie LIE, int N = PER_SLOT<T>, bool ONES = false>
struct Operand {
    const T *base;  // of the first round's first sample
    const T *at[N];
    T value[N];
    long long stride;
    long long step;  // elements from a round to the next
    unsigned wanted = 0;
    bool packed;  // a whole slot's numbers are 16 aligned bytes
    bool single;  // they are one number

    // `run`: so many consecutive elements of the output have consecutive numbers, unless those of a row have the same one.
    __device__ __forceinline__ Operand(const T *numbers, long long stride, const Place<T, N> &place, int run)
        : base(ONES && numbers == nullptr ? nullptr : numbers + place.sample * stride),
          stride(stride),
          step(place.step * stride) {
        bool contiguous = run == place.size && stride == run;
        packed = LIE == RUN && aligned<N * sizeof(T)>(numbers) && (contiguous || (run % N == 0 && stride % N == 0));
        single = LIE == ROW && place.cols % N == 0;
#pragma unroll
        for (int e = 0; e < N; e++) {
            at[e] = base;
            value[e] = T(0);
        }
    }

    // Element e of the slot has this number of sample s of the group. An element that points nowhere is +0.
    __device__ __forceinline__ void point(int e, int s, int offset) {
        wanted |= 1u << e;
        if (ONES && base == nullptr) {
            value[e] = T(1);
            return;
        }
        at[e] = base + (s * stride + offset);
        if (LIE == ROW && single) {
            at[0] = at[e];
        }
    }

    // Reads the numbers of the first n elements, one at least, `offset` further on.
    __device__ __forceinline__ void load(int n, int offset = 0) {
        if ((ONES && base == nullptr) || wanted == 0) {
            return;
        }
        if (LIE == RUN && packed && n == N) {
            Slot<T, N> s = *reinterpret_cast<const Slot<T, N> *>(at[0] + offset);
#pragma unroll
            for (int e = 0; e < N; e++) {
                value[e] = s.at[e];
            }
        } else if (LIE == ROW && single) {
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

    // Nothing of it is staged.
    __device__ __forceinline__ void bring(int) {}

    // Those of as many rounds as a slot has elements. From the first on `left` elements are left, and from each on fewer by `apart`.
    __device__ __forceinline__ void next(Slot<T, N> (&rounds)[N], long long left, long long apart) {
#pragma unroll
        for (int k = 0; k < N; k++) {
            if (left > k * apart) {
                load(left - k * apart < N ? (int)(left - k * apart) : N);
            }
            advance();
#pragma unroll
            for (int e = 0; e < N; e++) {
                rounds[k].at[e] = value[e];
            }
        }
    }
};

// Which of an operand's numbers belong to an output: `each` elements one after the other have the same one; behind
// `count` of these they start again, and every `lap` elements with the next `count`.
struct Laps {
    int count, each, lap;
};

// An operand in shared memory: what the block needs of it in as many rounds as a slot has elements, which are next to
// each other.
template <typename T>
struct Staged {
    static constexpr int N = PER_SLOT<T>;
    Pack<T> *staged;
    const T *numbers;  // of the block's next round
    const T *end;      // of those of all its rounds
    long long step;    // from a round to the next
    Laps laps;
    int size;    // of the output's samples
    int first;   // of the numbers, or of the changes from number to number, whatever is less,
    int length;  // and how many
    int mine;    // first element of this thread
    bool once;   // numbers in the order in which they lie: each of them once
    bool shared; // by the batch
    unsigned wanted = 0;
    int at[N];

    __device__ __forceinline__ Staged(
        Pack<T> *&free, const T *operand, long long stride, const Laps &laps, const Place<T> &place)
        : staged(free),
          numbers(operand + place.block * stride),
          step(place.step * stride),
          laps(laps),
          size(place.size),
          mine(place.mine),
          shared(stride == 0) {
        long long samples = min(place.batch - place.block, place.step * place.rounds);
        end = numbers + (shared ? laps.count * (size / laps.lap) : samples * stride);
        int last = place.to - 1;
        first = place.from / laps.each;
        length = last / laps.each - first + 1;
        int all = shared ? (int)(end - numbers) : (last / laps.lap - place.from / laps.lap + 1) * laps.count;
        once = laps.count == 1 || all <= length;
        if (once) {
            first = shared ? 0 : place.from / laps.lap * laps.count;
            length = all;
        }
        free += (length + 3) & -4;
#pragma unroll
        for (int e = 0; e < N; e++) {
            at[e] = 0;
        }
    }

    // Of element p.
    __device__ __forceinline__ int number(int p) const {
        if (shared) {
            p %= size;
        }
        return p / laps.lap * laps.count + p / laps.each % laps.count;
    }

    __device__ __forceinline__ const T *source(int k) const {
        return numbers + (once ? first + k : number((first + k) * laps.each));
    }

    // Neighbours, and those a slot apart, lie in different banks.
    __device__ __forceinline__ static int swizzled(int place) {
        return place ^ (place >> 3 & 3);
    }

    // By the whole block: the numbers of the rounds from this one on. A barrier must follow.
    __device__ __forceinline__ void bring(int round) {
        if (shared && round > 0) {
            return;
        }
#pragma unroll 1
        for (int k = (int)threadIdx.x - behind_sector(source(0)); k < length; k += (int)blockDim.x) {
            if (k < 0) {
                continue;
            }
            const T *from = source(k);
            Pack<T> rounds = Pack<T>();
#pragma unroll
            for (int r = 0; r < N; r++) {
                if (from < end) {
                    rounds.at[r] = *from;
                }
                from += step;
            }
            store_pack(&staged[swizzled(k)].at[0], rounds);
        }
        numbers += N * step;
    }

    __device__ __forceinline__ void point(int e, int, int) {
        wanted |= 1u << e;
        int p = mine + e;
        at[e] = swizzled((once ? number(p) : p / laps.each) - first);
    }

    __device__ __forceinline__ void next(Slot<T> (&rounds)[N], long long, long long) {
#pragma unroll
        for (int e = 0; e < N; e++) {
            Pack<T> numbers = Pack<T>();
            if ((wanted >> e & 1) != 0) {
                numbers = load_pack(&staged[at[e]].at[0]);
            }
#pragma unroll
            for (int k = 0; k < N; k++) {
                rounds[k].at[e] = numbers.at[k];
            }
        }
    }
};

// An operand of which a block needs less than it writes, or not in the same places, and any other, as kernels are given
// them; `run` as Operand has it.
template <typename T, Lie LIE, bool ONES = false>
struct Small {
    const T *numbers;
    long long stride;
    int run;
    Laps laps;

    __device__ __forceinline__ Operand<T, LIE, PER_SLOT<T>, ONES> direct(const Place<T> &place) const {
        return {numbers, stride, place, run};
    }

    __device__ __forceinline__ Staged<T> staged(Pack<T> *&free, const Place<T> &place) const {
        return {free, numbers, stride, laps, place};
    }
};

template <typename T>
struct Large {
    const T *numbers;
    long long stride;
    int run;

    __device__ __forceinline__ Operand<T, RUN> direct(const Place<T> &place) const {
        return {numbers, stride, place, run};
    }

    __device__ __forceinline__ Operand<T, RUN> staged(Pack<T> *&, const Place<T> &place) const {
        return direct(place);
    }
};

// The numbers of several rounds.
template <typename T, typename Operand>
struct RoundsOf {
    Slot<T> of[PER_SLOT<T>];
};

// point(e, sample of the group, outer, row, column, operands...) for the elements e of a thread's slot, then out = formula(a number
// of each operand), round after round.
template <typename T, typename Point, typename Formula, typename... Operands>
__device__ __forceinline__ void write(T *out, const Place<T> &place, Point point, Formula formula, Operands... operands) {
    if (place.left <= 0) {
        return;
    }
    place.each([&](int e, int s, int o, int i, int j) { point(e, s, o, i, j, operands...); });
    place.write(out, [&](int elements, int round) {
        (operands.next(elements, round), ...);
        Slot<T> result;
#pragma unroll
        for (int e = 0; e < PER_SLOT<T>; e++) {
            result.at[e] = formula(operands.value[e]...);
        }
        return result;
    });
}

// The same where operands are staged, as many rounds at a time as a slot has elements.
template <typename T, typename Point, typename Formula, typename... Operands>
__device__ __forceinline__ void write_staged(
    T *out, const Place<T> &place, Point point, Formula formula, Operands... operands) {
    constexpr int N = PER_SLOT<T>;
    place.each([&](int e, int s, int o, int i, int j) { point(e, s, o, i, j, operands...); });
    bool whole = aligned(out);
    T *to = out + place.sample * place.size + place.first;
    long long next = place.step * place.size;
    long long left = min(place.left, (place.rounds - 1) * next + N);
    Slot<T> results[N];
    auto several = [&](auto... numbers) {
        (operands.next(numbers.of, left, next), ...);
#pragma unroll
        for (int k = 0; k < N; k++) {
#pragma unroll
            for (int e = 0; e < N; e++) {
                results[k].at[e] = formula(numbers.of[k].at[e]...);
            }
        }
    };
    long long sample = place.block;
    for (int round = 0; round < place.rounds && sample < place.batch; round += N) {
        if (round > 0) {
            __syncthreads();
        }
        (operands.bring(round), ...);
        __syncthreads();
        if (left > 0) {
            several(RoundsOf<T, Operands>()...);
#pragma unroll
            for (int k = 0; k < N; k++) {
                if (left > k * next) {
                    Place<T>::put(to + k * next, results[k], left - k * next, whole);
                }
            }
        }
        to += N * next;
        left -= N * next;
        sample += N * place.step;
    }
}

// The same, from operands as they are given.
template <typename T, typename Point, typename Formula, typename... Given>
__device__ __forceinline__ void fill(T *out, const Place<T> &place, Point point, Formula formula, const Given &...given) {
    if (!place.staged) {
        write(out, place, point, formula, given.direct(place)...);
        return;
    }
    Pack<T> *free = shared_numbers<Pack<T>>();
    auto staged = [&](auto... operands) { write_staged(out, place, point, formula, operands...); };
    staged(given.staged(free, place)...);
}

}  // namespace slots
