package io.github.batchjac.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.bench.Reference.Verdict;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Shape;
import io.github.batchjac.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every formula, tiny. */
class ItemsTest {
    static List<Item> tiny() {
        return Items.tiny();
    }

    private static Map<String, Tensor> ours(Item item, Precision precision) {
        try (Backend cpu = Backends.cpu(1);
                Prepared prepared = Prepared.of(item, precision, cpu, item.files(precision))) {
            return new TreeMap<>(prepared.results());
        }
    }

    @ParameterizedTest
    @MethodSource("tiny")
    void ourResultsAreRightInBothPrecisions(Item item) {
        Reference reference = Reference.of(item, item.files(Precision.F64));
        for (Precision precision : Precision.values()) {
            Verdict verdict = reference.compare(ours(item, precision), precision);
            assertThat(verdict.fault()).isEmpty();
            assertThat(verdict.error()).isBetween(0.0, 100.0);
        }
    }

    @ParameterizedTest
    @MethodSource("tiny")
    void aResultThatIsWrongInOnePlaceIsRefused(Item item) {
        Reference reference = Reference.of(item, item.files(Precision.F64));
        for (String name : item.results()) {
            Map<String, Tensor> results = ours(item, Precision.F64);
            double[] numbers = results.get(name).doubles();
            int last = numbers.length - 1;
            numbers[last] += 1e-6 * (1 + Math.abs(numbers[last]));
            assertThat(reference.compare(results, Precision.F64).fault()).contains(name + " is wrong");
            numbers[last] = Double.NaN;
            assertThat(reference.compare(results, Precision.F64).right()).isFalse();
            results.remove(name);
            assertThat(reference.compare(results, Precision.F64).fault()).contains("missing");
        }
    }

    @Test
    void namesAreUniqueAndFound() {
        List<String> names = Items.table().stream().map(Item::toString).toList();
        assertThat(names).doesNotHaveDuplicates();
        for (Item item : Items.table()) {
            assertThat(Items.named(item.name(), item.batch()).toString()).isEqualTo(item.toString());
            assertThat(item.name()).doesNotContain(" ");
        }
        assertThat(Items.named("softmax-jacobian/10", 7).work().writes()).isEqualTo(700);
        assertThat(Items.matching(Items.table(), "^sigmoid.*B256$")).hasSize(2);
    }

    @Test
    void everySecondSample() {
        Tensor tensor = Tensor.of(new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 5, 2);
        Tensor some = Item.every(2, tensor);
        assertThat(some.shape()).isEqualTo(Shape.of(3, 2));
        assertThat(some.floats()).containsExactly(0, 1, 4, 5, 8, 9);
    }

    @Test
    void everyOrderOfTheNetworksIsPlanned() {
        assertThat(Orders.items()).allSatisfy(item -> assertThat(item.graph()).isNotNull());
    }
}
