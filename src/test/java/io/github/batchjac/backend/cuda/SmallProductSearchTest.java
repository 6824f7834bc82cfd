package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.batchjac.backend.cuda.SmallProductPlan.Lying;
import io.github.batchjac.backend.cuda.SmallProductPlan.Order;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Plans of small products, by what their kernels rely on. */
class SmallProductSearchTest {
    private static final int SHAPES = 60;

    /** Kilobytes of shared memory that a block can have: of Turing, Ampere's and Ada's small cards, A100, H100. */
    @ParameterizedTest
    @CsvSource({"4, 64", "4, 99", "4, 163", "4, 227", "2, 64", "2, 99", "2, 163", "2, 227"})
    void everyTileIsOneLanesAndMatricesLieApart(int pack, int kilobytes) {
        Random sizes = new Random(kilobytes);
        for (int shape = 0; shape < SHAPES; shape++) {
            int m = 1 + sizes.nextInt(64);
            int k = 1 + sizes.nextInt(40);
            int n = 1 + sizes.nextInt(64);
            SmallProductPlan plan = find(m, k, n, pack, kilobytes).orElseThrow();
            Order order = plan.order();
            Set<List<Integer>> tiles = new HashSet<>();
            for (int lane = 0; lane < order.lanes(); lane++) {
                int sample = order.sample(lane);
                int row = order.row().of(lane);
                int column = order.column().of(lane);
                assertThat(sample).isLessThan(plan.samples());
                assertThat(row * plan.tile().rows()).isLessThan(m);
                assertThat(column * plan.tile().columns()).isLessThan(n);
                tiles.add(List.of(sample, row, column));
            }
            int ofSample = parts(m, plan.tile().rows()) * parts(n, plan.tile().columns());
            assertThat(tiles).hasSize(order.lanes()).hasSize(plan.samples() * ofSample);
            assertThat(plan.threads()).isBetween(order.lanes(), 256).matches(threads -> threads % 32 == 0);
            assertThat(k % plan.tile().left()).isZero();
            assertThat(n % plan.tile().right()).isZero();
            apart(plan.a(), k, plan.samples());
            apart(plan.b(), n, plan.samples());
            apart(plan.c(), n, plan.samples());
            assertThat(plan.sharedBytes()).isLessThanOrEqualTo(kilobytes << 10);
        }
    }

    private static void apart(Lying lying, int width, int samples) {
        Set<Integer> places = new HashSet<>();
        for (int sample = 0; sample < samples; sample++) {
            for (int at = 0; at < lying.size(); at++) {
                places.add(lying.start(sample) + at / width * lying.row() + at % width);
            }
        }
        assertThat(places).hasSize(samples * lying.size()).allMatch(place -> place < lying.start(samples));
    }

    /** Two blocks of 68 KB have room on a multiprocessor of an A100, not on one of an RTX 4090. */
    @ParameterizedTest
    @CsvSource({"2, 41, 41, 41", "2, 14, 51, 15", "4, 62, 32, 36", "4, 9, 46, 58"})
    void blocksShareSmallMultiprocessors(int pack, int m, int k, int n) {
        assertThat(find(m, k, n, pack, 163).orElseThrow().sharedBytes()).isBetween(48 << 10, 68 << 10);
        assertThat(find(m, k, n, pack, 99).orElseThrow().sharedBytes()).isLessThanOrEqualTo(48 << 10);
    }

    @ParameterizedTest
    @CsvSource({
        "2, 64, 64, 64, 99, true",
        "2, 64, 64, 64, 64, false",
        "4, 64, 64, 64, 32, false",
        "4, 8, 2000, 8, 227, false"
    })
    void whatFitsInNoBlockHasNoPlan(int pack, int m, int k, int n, int kilobytes, boolean fits) {
        assertThat(find(m, k, n, pack, kilobytes).isPresent()).isEqualTo(fits);
    }

    @Test
    void aPlanIsSearchedForOnce() {
        assertThat(find(11, 12, 13, 4, 99)).isSameAs(find(11, 12, 13, 4, 99)).isNotSameAs(find(11, 12, 13, 2, 99));
    }

    private static Optional<SmallProductPlan> find(int m, int k, int n, int pack, int kilobytes) {
        return SmallProductSearch.cheapest(m, k, n, pack, kilobytes << 10);
    }

    private static int parts(int whole, int part) {
        return (whole + part - 1) / part;
    }
}
