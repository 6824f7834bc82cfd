package io.github.batchjac.backend.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Small kernels by hand: the parameters are 64-bit addresses {@code %p0}, {@code %p1}…, the thread is {@code %t}. */
final class Snippets {
    private static final String REGISTERS = """
            .reg .pred %q<9>;
            .reg .b16 %h<9>;
            .reg .b32 %r<40>;
            .reg .b32 %t;
            .reg .b64 %rd<40>;
            .reg .b64 %p<9>;
            .reg .b64 %t4;
            .reg .b64 %t8;
            .reg .f32 %f<20>;
            .reg .f64 %fd<20>;
            """;

    final PtxMachine machine = new PtxMachine(48 << 10);

    /**
     * A kernel {@code k} with a body; {@code %t4} and {@code %t8} are the thread times 4 and 8, {@code %rd0} points to the
     * thread's four bytes of the first parameter.
     */
    static String kernel(int parameters, String variables, String body) {
        StringBuilder text = new StringBuilder(".version 6.3\n.target sm_75\n.address_size 64\n.visible .entry k(\n");
        StringBuilder loads = new StringBuilder();
        for (int p = 0; p < parameters; p++) {
            text.append(p == 0 ? "" : ",\n").append(".param .u64 k_param_").append(p);
            loads.append("ld.param.u64 %p")
                    .append(p)
                    .append(", [k_param_")
                    .append(p)
                    .append("];\n");
        }
        text.append("\n)\n.maxntid 1024, 1, 1\n{\n")
                .append(variables)
                .append(REGISTERS)
                .append(loads);
        text.append("mov.u32 %t, %tid.x;\nmul.wide.u32 %t4, %t, 4;\nmul.wide.u32 %t8, %t, 8;\n");
        if (parameters > 0) {
            text.append("add.s64 %rd0, %p0, %t4;\n");
        }
        return text.append(body).append("\nret;\n}\n").toString();
    }

    LaunchReport run(String ptx, long blocks, int threads, int sharedBytes, long... arguments) {
        ByteBuffer bytes = ByteBuffer.allocate(arguments.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        int[] offsets = new int[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            offsets[i] = bytes.position();
            bytes.putLong(arguments[i]);
        }
        return machine.launch(
                machine.load(PtxModule.of(ptx)), "k", blocks, threads, sharedBytes, bytes.array(), offsets);
    }

    /** Runs one block of a kernel with these statements. */
    LaunchReport run(int threads, String body, long... arguments) {
        return run(kernel(arguments.length, "", body), 1, threads, 0, arguments);
    }

    long room(long bytes) {
        return machine.memory().allocate(bytes);
    }

    long ints(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        long address = room(values.length * 4L);
        machine.memory().copyIn(address, bytes);
        return address;
    }

    long longs(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        long address = room(values.length * 8L);
        machine.memory().copyIn(address, bytes);
        return address;
    }

    int[] readInts(long address, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * 4).order(ByteOrder.LITTLE_ENDIAN);
        machine.memory().copyOut(bytes, address);
        int[] values = new int[count];
        bytes.flip().asIntBuffer().get(values);
        return values;
    }

    long[] readLongs(long address, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * 8).order(ByteOrder.LITTLE_ENDIAN);
        machine.memory().copyOut(bytes, address);
        long[] values = new long[count];
        bytes.flip().asLongBuffer().get(values);
        return values;
    }

    /**
     * The value of {@code %d} after one statement on {@code %a}, {@code %b}, {@code %c}, for each row of operands.
     *
     * @param result type of %d
     * @param types of %a, %b, %c
     */
    long[] evaluate(String statement, String result, String[] types, long[]... rows) {
        StringBuilder text = new StringBuilder(".version 6.3\n.target sm_75\n.address_size 64\n.visible .entry k(\n");
        text.append(".param .u64 k_param_0, .param .u64 k_param_1)\n{\n").append(REGISTERS);
        text.append(".reg .pred %x;\n.reg .").append(result).append(" %d;\n");
        for (int i = 0; i < types.length; i++) {
            text.append(".reg .")
                    .append(types[i])
                    .append(" %")
                    .append("abc".charAt(i))
                    .append(";\n");
        }
        text.append("ld.param.u64 %p0, [k_param_0];\nld.param.u64 %p1, [k_param_1];\nmov.u32 %t, %tid.x;\n");
        text.append("mul.wide.u32 %t8, %t, 8;\nadd.s64 %rd0, %p0, %t8;\nmul.wide.u32 %rd1, %t, 24;\n");
        text.append("add.s64 %rd1, %p1, %rd1;\n");
        for (int i = 0; i < types.length; i++) {
            text.append("ld.global.").append(types[i]).append(" %").append("abc".charAt(i));
            text.append(", [%rd1+").append(8 * i).append("];\n");
        }
        text.append(statement).append("\nmov.b64 %rd2, 0;\n");
        switch (Types.bytes(result)) {
            case 8 -> text.append("mov.b64 %rd2, %d;\n");
            case 4 -> text.append("mov.b32 %r0, %d;\ncvt.u64.u32 %rd2, %r0;\n");
            default -> text.append("cvt.u64.u16 %rd2, %d;\n");
        }
        text.append("st.global.u64 [%rd0], %rd2;\nret;\n}\n");
        long[] operands = new long[rows.length * 3];
        for (int row = 0; row < rows.length; row++) {
            System.arraycopy(rows[row], 0, operands, 3 * row, rows[row].length);
        }
        long out = room(rows.length * 8L);
        run(text.toString(), 1, rows.length, 0, out, longs(operands));
        return readLongs(out, rows.length);
    }

    static void fails(PtxFault.Kind kind, ThrowingCallable what) {
        assertThatThrownBy(what)
                .isInstanceOfSatisfying(
                        PtxFault.class,
                        fault -> org.assertj.core.api.Assertions.assertThat(fault.kind())
                                .as(fault.getMessage())
                                .isEqualTo(kind));
    }
}
