package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.batchjac.backend.cuda.InterpretedDriver.Call;
import io.github.batchjac.backend.cuda.ptx.PtxFault;
import java.nio.ByteBuffer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InterpretedDriverTest {
    private static final String INCREMENT = """
            .version 6.3
            .target sm_75
            .address_size 64
            .visible .entry increment(.param .u64 p)
            {
            .reg .b64 %rd<3>;
            .reg .b32 %r<3>;
            ld.param.u64 %rd1, [p];
            ld.global.u32 %r1, [%rd1];
            add.s32 %r1, %r1, 1;
            st.global.u32 [%rd1], %r1;
            ret;
            }
            """;

    private final InterpretedDriver driver = new InterpretedDriver();

    private static void fails(int code, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        DriverException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    private void violates(ThrowingCallable call) {
        int before = driver.violations().size();
        assertThatThrownBy(call).isInstanceOf(AssertionError.class);
        assertThat(driver.violations()).hasSize(before + 1);
    }

    private static int first(Device device, long address, long stream) {
        ByteBuffer buffer = device.allocatePinned(4);
        device.copyOut(buffer, 0, address, 4, stream);
        device.synchronize(stream);
        int value = buffer.getInt(0);
        device.freePinned(buffer);
        return value;
    }

    @Test
    void versionDevicesAndTheirSizesAreWhatATestSays() {
        assertThat(driver.version()).isEqualTo(12060);
        assertThat(driver.devices()).isEqualTo(1);
        assertThat(driver.info(0).capability()).isEqualTo("9.0");
        fails(101, () -> driver.info(1));
        driver.version(11000).devices(2).memory(1024).capability(7, 5);
        assertThat(driver.version()).isEqualTo(11000);
        assertThat(driver.open(1).info()).isEqualTo(new DeviceInfo(1, "interpreted", 7, 5, 1024, 8, 232_448));
    }

    @Test
    void memoryEndsWithTwoHundredAndFiftySixByteGranules() {
        Device device = driver.memory(1024).open(0);
        long first = device.allocate(1);
        assertThat(first % 256).isZero();
        assertThat(device.freeMemory()).isEqualTo(768);
        fails(2, () -> device.allocate(769));
        long second = device.allocate(768);
        assertThat(device.freeMemory()).isZero();
        device.free(first);
        device.free(second);
        assertThat(device.freeMemory()).isEqualTo(1024);
        violates(() -> device.free(first));
    }

    @Test
    void aKernelRunsAndAGraphRunsItAgain() {
        InterpretedDevice device = driver.open(0);
        long module = device.loadModule(INCREMENT);
        fails(500, () -> device.function(module, "decrement"));
        long function = device.function(module, "increment");
        long stream = device.createStream();
        long number = device.allocate(4);
        device.zero(number, 4, stream);
        device.launch(function, 1, 1, 0, stream, new Arguments().with(number));
        assertThat(first(device, number, stream)).isEqualTo(1);

        device.beginCapture(stream);
        device.launch(function, 1, 1, 0, stream, new Arguments().with(number));
        device.launch(function, 1, 1, 0, stream, new Arguments().with(number));
        violates(() -> device.synchronize(stream));
        long graph = device.endCapture(stream);
        assertThat(first(device, number, stream)).isEqualTo(1);
        device.launchGraph(graph, stream);
        device.launchGraph(graph, stream);
        assertThat(first(device, number, stream)).isEqualTo(5);

        device.destroyGraph(graph);
        violates(() -> device.launchGraph(graph, stream));
        device.unloadModule(module);
        violates(() -> device.launch(function, 1, 1, 0, stream, new Arguments().with(number)));
        device.free(number);
        device.destroyStream(stream);
        violates(() -> device.synchronize(stream));
        assertThat(device.alive()).isEqualTo(InterpretedDevice.Alive.NOTHING);
    }

    @Test
    void whatIsAliveIsCounted() {
        InterpretedDevice device = driver.open(0);
        device.allocate(5);
        ByteBuffer buffer = device.allocatePinned(5);
        device.createStream();
        long event = device.createEvent();
        assertThat(device.alive()).isEqualTo(new InterpretedDevice.Alive(1, 1, 1, 1, 0, 0));
        violates(() -> device.freePinned(buffer.duplicate()));
        device.freePinned(buffer);
        device.destroyEvent(event);
        violates(() -> device.synchronizeEvent(event));
        assertThat(device.alive()).isEqualTo(new InterpretedDevice.Alive(1, 0, 1, 0, 0, 0));
        device.close();
        device.close();
        violates(device::createStream);
        assertThat(device.closed()).isTrue();
    }

    @Test
    void copiesStayInTheirBuffersAndOutOfFreedMemory() {
        Device device = driver.open(0);
        long stream = device.createStream();
        long address = device.allocate(8);
        ByteBuffer buffer = device.allocatePinned(8);
        buffer.putLong(0, 42);
        device.copyIn(address, buffer, 4, 4, stream);
        violates(() -> device.copyIn(address, buffer, 5, 4, stream));
        violates(() -> device.copyIn(address, ByteBuffer.allocate(8), 0, 8, stream));
        violates(() -> device.copyOut(buffer, 0, address, 8, stream)); // four bytes of it were never written
        violates(() -> device.copyIn(address + 4, buffer, 0, 8, stream));
        device.free(address);
        violates(() -> device.copyIn(address, buffer, 0, 8, stream));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theKthCallFailsOnceOrForEver(int k) {
        Device device = driver.open(0);
        driver.fail(Call.ALLOCATE, k, InterpretedDriver.OUT_OF_MEMORY);
        for (int n = 1; n <= 4; n++) {
            if (n == k) {
                fails(2, () -> device.allocate(4));
            } else {
                device.allocate(4);
            }
        }
        driver.fail(Call.CREATE_EVENT, k, InterpretedDriver.ILLEGAL_ADDRESS);
        for (int n = 1; n < k; n++) {
            device.createEvent();
        }
        fails(700, device::createEvent);
        fails(700, () -> device.allocate(4));
        fails(700, device::freeMemory);
        assertThat(driver.violations()).isEmpty();
        driver.open(0).allocate(4);
    }

    @Test
    void aFaultOfAKernelIsRememberedEvenIfItIsSwallowed() {
        Device device = driver.open(0);
        long function = device.function(device.loadModule(INCREMENT), "increment");
        long stream = device.createStream();
        long number = device.allocate(4);
        assertThatThrownBy(() -> device.launch(function, 1, 1, 0, stream, new Arguments().with(number)))
                .isInstanceOfSatisfying(
                        PtxFault.class, e -> assertThat(e.kind()).isEqualTo(PtxFault.Kind.UNINITIALISED));
        assertThat(driver.violations()).singleElement().asString().contains("increment", "UNINITIALISED");
    }

    @Test
    void textThatIsNotPtxIsRefusedAsADriverDoes() {
        Device device = driver.open(0);
        fails(218, () -> device.loadModule("hello"));
    }
}
