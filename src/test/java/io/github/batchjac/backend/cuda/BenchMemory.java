package io.github.batchjac.backend.cuda;

import io.github.batchjac.backend.cuda.BenchCase.Near;
import io.github.batchjac.backend.cuda.BenchCase.Numbers;
import io.github.batchjac.backend.cuda.BenchCase.Operand;
import io.github.batchjac.tensor.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Device memory full of numbers for {@link BenchCase}s: a sequence again and again, so that every element is known. */
final class BenchMemory implements AutoCloseable {
    /** A prime, so that no two samples begin alike. */
    private static final int PERIOD = 1_000_003;

    private static final int SMALL_PERIOD = 10_007;
    private static final int ALIGNMENT = 256;

    /** Shares of the whole in 32nds. */
    private static final Map<Numbers, Integer> SHARES =
            Map.of(Numbers.NORMAL, 13, Numbers.POSITIVE, 5, Numbers.LABELS, 1, Numbers.WORK, 13);

    private final Device device;
    private final long stream;
    private final Precision precision;
    private final long base;
    private final ByteBuffer pinned;
    private final int period;
    private final Map<Numbers, Long> starts = new EnumMap<>(Numbers.class);
    private final Map<Numbers, Long> ends = new EnumMap<>(Numbers.class);
    private final Map<Numbers, double[]> sequences = new EnumMap<>(Numbers.class);

    /** @param bytes of all of it */
    BenchMemory(Device device, long stream, Precision precision, long bytes) {
        this.device = device;
        this.stream = stream;
        this.precision = precision;
        period = bytes > 1L << 28 ? PERIOD : SMALL_PERIOD;
        base = device.allocate(bytes);
        pinned = device.allocatePinned(period * Double.BYTES);
        long at = base;
        for (Numbers numbers : Numbers.values()) {
            long share = bytes / 32 * SHARES.get(numbers) / ALIGNMENT * ALIGNMENT;
            starts.put(numbers, at);
            ends.put(numbers, at + share);
            at += share;
        }
        Random random = new Random(1);
        double[] normal = new double[period];
        double[] positive = new double[period];
        for (int i = 0; i < period; i++) {
            normal[i] = (float) random.nextGaussian();
            positive[i] = (float) (0.5 + 3 * random.nextDouble());
        }
        sequences.put(Numbers.NORMAL, normal);
        sequences.put(Numbers.POSITIVE, positive);
        fill(Numbers.NORMAL);
        fill(Numbers.POSITIVE);
    }

    private void fill(Numbers numbers) {
        double[] sequence = sequences.get(numbers);
        ByteBuffer to = host();
        for (double x : sequence) {
            if (precision == Precision.F32) {
                to.putFloat((float) x);
            } else {
                to.putDouble(x);
            }
        }
        repeat(starts.get(numbers), ends.get(numbers) - starts.get(numbers), to.position());
    }

    private ByteBuffer host() {
        return pinned.duplicate().order(ByteOrder.LITTLE_ENDIAN).clear();
    }

    /** Fills with copies of the first bytes of the pinned memory. */
    private void repeat(long address, long bytes, int each) {
        long done = Math.min(each, bytes);
        device.copyIn(address, pinned, 0, (int) done, stream);
        while (done < bytes) {
            // whole sequences until the last copy, so that the sequence goes on
            long part = Math.min(done, bytes - done);
            device.copy(address + done, address, part, stream);
            done += part;
        }
        device.synchronize(stream);
    }

    /** Where the operands of a case lie, once. */
    final class Places implements BenchCase.Given {
        final BenchCase of;
        final long[] at;

        private Places(BenchCase of, long[] at) {
            this.of = of;
            this.at = at;
        }

        @Override
        public double at(int operand, long index) {
            Operand o = of.operands.get(operand);
            if (o.numbers() == Numbers.LABELS) {
                return index % period % o.bound();
            }
            long first = (at[operand] - starts.get(o.numbers())) / precision.bytes();
            return sequences.get(o.numbers())[(int) ((first + index) % period)];
        }

        /** NaN everywhere that something is to be written. */
        void poison() {
            ByteBuffer to = host();
            while (to.hasRemaining()) {
                to.put((byte) 0xff);
            }
            for (int i = 0; i < at.length; i++) {
                if (of.operands.get(i).output()) {
                    repeat(at[i], bytes(of.operands.get(i)), pinned.capacity() / ALIGNMENT * ALIGNMENT);
                }
            }
        }

        /** Throws if an element is not what it should be. @return how many were looked at */
        int check() {
            int checked = 0;
            for (int i = 0; i < at.length; i++) {
                Operand o = of.operands.get(i);
                if (o.output()) {
                    checked += check(at[i], o);
                }
            }
            return checked;
        }

        private int check(long address, Operand output) {
            List<Long> indices = sampled(output.elements());
            int size = precision.bytes();
            for (int i = 0; i < indices.size(); i++) {
                device.copyOut(pinned, i * Double.BYTES, address + indices.get(i) * size, size, stream);
            }
            device.synchronize(stream);
            for (int i = 0; i < indices.size(); i++) {
                double actual = precision == Precision.F32
                        ? host().getFloat(i * Double.BYTES)
                        : host().getDouble(i * Double.BYTES);
                Near near = output.expected().at(this, indices.get(i));
                if (!near.holds(actual, precision)) {
                    throw new AssertionError("element " + indices.get(i) + " of " + output.elements() + " is " + actual
                            + ", expected " + near.value() + " ± " + near.roundoffs() + " u");
                }
            }
            return indices.size();
        }
    }

    /** The first and the last, those around 2³¹ and 2³², and some between. */
    private static List<Long> sampled(long elements) {
        List<Long> indices = new ArrayList<>();
        for (long centre : new long[] {0, 1L << 31, 1L << 32, elements - 1}) {
            for (long i = centre - 3; i <= centre + 3; i++) {
                if (i >= 0 && i < elements) {
                    indices.add(i);
                }
            }
        }
        Random random = new Random(elements);
        for (int i = 0; i < 24; i++) {
            indices.add((long) (random.nextDouble() * elements));
        }
        return indices.stream().distinct().toList();
    }

    private long bytes(Operand operand) {
        return operand.elements() * (operand.numbers() == Numbers.LABELS ? Long.BYTES : precision.bytes());
    }

    private long step(Operand operand) {
        return (bytes(operand) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Places for a case, so many times next to each other that the caches cannot hold them all.
     *
     * @param enough bytes that they hold together, if there is room
     */
    List<Places> places(BenchCase of, long enough) {
        Map<Numbers, Long> next = new EnumMap<>(starts);
        List<Places> all = new ArrayList<>();
        long total = 0;
        while (all.isEmpty() || (total < enough && all.size() < 64)) {
            long[] at = new long[of.operands.size()];
            for (int i = 0; i < at.length; i++) {
                Operand o = of.operands.get(i);
                at[i] = next.get(o.numbers());
                long end = at[i] + step(o);
                if (end > ends.get(o.numbers())) {
                    if (all.isEmpty()) {
                        throw new IllegalStateException(of.kernel + " " + of.shape + " needs more " + o.numbers()
                                + " than " + (ends.get(o.numbers()) - starts.get(o.numbers())) + " bytes");
                    }
                    return all;
                }
                next.put(o.numbers(), end);
                total += step(o);
                if (o.numbers() == Numbers.LABELS) {
                    label(at[i], o);
                }
            }
            all.add(new Places(of, at));
        }
        return all;
    }

    private void label(long address, Operand operand) {
        ByteBuffer to = host();
        for (int i = 0; i < period; i++) {
            to.putLong(i % operand.bound());
        }
        repeat(address, bytes(operand), to.position());
    }

    /** Bytes for a kind of numbers. */
    long room(Numbers numbers) {
        return ends.get(numbers) - starts.get(numbers);
    }

    @Override
    public void close() {
        device.freePinned(pinned);
        device.free(base);
    }
}
