package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class ArgumentMemoryTest {
    private static final long ADDRESS = 0x7f00_0000_1000L;

    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(ArgumentMemory.BYTES).order(ByteOrder.nativeOrder());
    private final ArgumentMemory arguments = new ArgumentMemory(memory, ADDRESS);

    @Test
    void theAddressOfEachArgumentIsWhereItsBytesAre() {
        arguments.put(new Arguments()
                .with(1)
                .with(1L << 40)
                .with(new Strided(0x1234, 7))
                .with(2.5)
                .with(3));
        assertThat(memory.getInt(at(0))).isEqualTo(1);
        assertThat(memory.getLong(at(1))).isEqualTo(1L << 40);
        assertThat(memory.getLong(at(2))).isEqualTo(0x1234);
        assertThat(memory.getLong(at(3))).isEqualTo(7);
        assertThat(memory.getDouble(at(4))).isEqualTo(2.5);
        assertThat(memory.getInt(at(5))).isEqualTo(3);
        assertThat(at(0)).isEqualTo(6 * Long.BYTES);
        for (int i : new int[] {1, 2, 3, 4}) {
            assertThat(at(i) % Long.BYTES).isZero();
        }
    }

    @Test
    void whatALaunchLeavesTheNextOneDoesNotSee() {
        arguments.put(new Arguments().with(1L).with(2L).with(3L));
        arguments.put(new Arguments().with(9));
        assertThat(memory.getInt(at(0))).isEqualTo(9);
        assertThat(at(0)).isEqualTo(Long.BYTES);
    }

    @Test
    void aKernelsFullParametersFit() {
        Arguments full = new Arguments();
        for (int i = 0; i < 1024; i++) {
            full.with(i);
        }
        arguments.put(full);
        assertThat(memory.getInt(at(1023))).isEqualTo(1023);
        arguments.put(new Arguments().with(new byte[4096]));
        assertThatThrownBy(() -> arguments.put(full.with(1L)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1025 arguments");
    }

    @Test
    void noArgumentsAreNoBytes() {
        arguments.put(new Arguments());
    }

    private int at(int i) {
        return (int) (memory.getLong(i * Long.BYTES) - ADDRESS);
    }
}
