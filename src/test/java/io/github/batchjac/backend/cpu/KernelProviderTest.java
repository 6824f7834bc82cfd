package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KernelProviderTest {
    @Test
    void theChoiceSaysWhy() {
        KernelProvider provider = KernelProvider.get();
        assertThat(provider).isSameAs(KernelProvider.get());
        if (provider.vector()) {
            assertThat(provider.reason()).matches("vector API: \\d+ bits");
            assertThat(provider.kernels32().elementwise()).isInstanceOf(VectorElementwiseKernels32.class);
            assertThat(provider.kernels64().elementwise()).isInstanceOf(VectorElementwiseKernels64.class);
        } else {
            assertThat(provider.reason()).startsWith("vector API off: ");
            assertThat(provider.kernels32().elementwise()).isExactlyInstanceOf(PlainElementwiseKernels32.class);
            assertThat(provider.kernels64().elementwise()).isExactlyInstanceOf(PlainElementwiseKernels64.class);
        }
    }
}
