package io.github.batchjac.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void timesHaveThreeFiguresAndAUnit() {
        assertThat(Text.time(3.9)).isEqualTo("3.90 ns");
        assertThat(Text.time(999.4)).isEqualTo("999 ns");
        assertThat(Text.time(999.6)).isEqualTo("1.00 µs");
        assertThat(Text.time(14.04e6)).isEqualTo("14.0 ms");
        assertThat(Text.time(Double.NaN)).isEqualTo("–");
    }

    @Test
    void theFirstRowOfATableIsItsHead() {
        assertThat(Text.table(List.of(List.of("item", "time"), List.of("a", "1"))))
                .isEqualTo("| item | time |\n|---|--:|\n| a | 1 |\n");
    }

    @Test
    void onlyWhatStandsBetweenTheMarkersIsReplaced() {
        String text = "before\n<!-- begin x -->\nold\n<!-- end x -->\nafter\n";
        String once = Text.replaced(text, "x", "new\n");
        assertThat(once).isEqualTo("before\n<!-- begin x -->\nnew\n<!-- end x -->\nafter\n");
        assertThat(Text.replaced(once, "x", "old\n")).isEqualTo(text);
        assertThatThrownBy(() -> Text.replaced(text, "y", "")).hasMessageContaining("begin y");
    }
}
