package io.github.batchjac.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.graph.Functions;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Workload;
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

    @Test
    void onlyASmallJobThatIsDoneOnceIsDoneInPlainJava() {
        Graph graph = Graph.of(Functions.tanh(Functions.input("x", 64)));
        Workload few = Workload.of(100);
        Workload many = Workload.of(100_000_000);
        KernelProvider small = KernelProvider.of(Plan.of(graph, Request.jacobian("x"), few.justOnce()));
        assertThat(small.kernels32().elementwise()).isExactlyInstanceOf(PlainElementwiseKernels32.class);
        assertThat(KernelProvider.of(Plan.of(graph, Request.jacobian("x"), few)))
                .isSameAs(KernelProvider.get());
        assertThat(KernelProvider.of(Plan.of(graph, Request.jacobian("x"), many.justOnce())))
                .isSameAs(KernelProvider.get());
    }
}
